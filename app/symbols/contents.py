"""What an uploaded file of symbols holds: images with their caches, a mapping, a source map, or an archive of these."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from app.symbols.archive import is_archive, members
from app.symbols.awaited_keys import first, release_key
from app.symbols.mapping import Mapping, make_mapping
from app.symbols.objects import NotSymbols, make_caches
from app.symbols.scripts import is_source_map, make_source_map, script_name

NATIVE, MAPPING, SOURCE_MAP = "native", "mapping", "source_map"
ARCHIVE = "archive"
OBJECTS = (b"\x7fELF", b"MZ", b"MODULE ", b"Microsoft C/C++ MSF", b"\xfe\xed\xfa", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe",
           b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf")  # fmt: skip
"""How files of debug information begin; anything else is a source map or has to be a mapping."""

MAX_HELD = 2_000  # each is an object in the storage and a row; a fat file may list one image any number of times
TOLD = 5  # problems of an archive's members


class About(NamedTuple):
    """What the sender of a file tells of it; "" is untold."""

    name: str = ""
    version: str = ""
    build: str = ""


class Held(NamedTuple):
    """One thing that a file holds, with what is made of it to look names up in."""

    kind: str  # NATIVE, MAPPING, SOURCE_MAP
    file_format: str  # "macho", "elf", "breakpad", "proguard", …
    ids: list[str]  # by which it is found: debug id, and a key of its version and build
    arch: str | None
    name: str  # of the file that it was in
    cache: Path  # gone once the next one is asked for


def is_whole_archive(file: Path) -> bool:
    """True when a file holds others."""
    with file.open("rb") as opened:
        return is_archive(opened.read(4))


def contents(file: Path, folder: Path, about: About, max_unpacked: int) -> Iterator[Held]:
    """Everything that a file holds; caches are made in `folder`. Raises NotSymbols when there is nothing, or too much."""
    for number, held in enumerate(_each(file, folder, about, max_unpacked)):
        if number >= MAX_HELD:
            raise NotSymbols(f"The file holds more than {MAX_HELD} images, mappings and source maps")
        yield held


def _each(file: Path, folder: Path, about: About, max_unpacked: int) -> Iterator[Held]:
    if not is_whole_archive(file):
        yield from _of_file(file, folder, about)
        return
    problems: list[str] = []
    has_some = False
    for name, member, problem in members(file, folder, max_unpacked):
        if member is not None:
            try:
                if is_whole_archive(member):
                    raise NotSymbols("an archive in an archive is not read")
                for one in _of_file(member, folder, about._replace(name=name)):
                    has_some = True
                    yield one
            except NotSymbols as error:
                problem = error.message
        if problem:
            problems.append(f"{name}: {problem}")
    if not has_some:
        more = f"; and {len(problems) - TOLD} more" if len(problems) > TOLD else ""
        raise NotSymbols(f"The archive holds no symbols: {'; '.join(problems[:TOLD]) or 'it is empty'}{more}")


def _of_file(file: Path, folder: Path, about: About) -> Iterator[Held]:
    with file.open("rb") as opened:
        head = opened.read(32)
    if is_source_map(head):
        yield _source_map(file, folder, about)
        return
    if not head.startswith(OBJECTS):
        yield _mapping(file, folder, about)
        return
    has_some = False
    for found in make_caches(file, folder):
        has_some = True
        yield Held(NATIVE, found.file_format, [found.debug_id], found.arch, about.name, found.cache)
        found.cache.unlink()
    if not has_some:
        raise NotSymbols("The file describes no image: it has neither debug information nor a symbol table, or no id")


def _mapping(file: Path, folder: Path, about: About) -> Held:
    cache = folder / "mapping"
    make_mapping(file, cache)
    ids = [str(Mapping(cache).uuid)]
    if about.version or about.build:
        ids.append(release_key(about.version, about.build))
    return Held(MAPPING, "proguard", ids, None, about.name, cache)


def _source_map(file: Path, folder: Path, about: About) -> Held:
    cache = folder / "source_map"
    ids, scripts = make_source_map(file, cache)
    if about.version or about.build:
        names = first([*scripts, *([script_name(about.name).removesuffix(".map")] if about.name else [])])
        ids += (release_key(about.version, about.build, name) for name in names)
    if not ids:
        raise NotSymbols(
            "The source map could not be found by anything: give it a debug_id, or a version or build and a file name"
        )
    return Held(SOURCE_MAP, "sourcemap", ids, None, about.name, cache)
