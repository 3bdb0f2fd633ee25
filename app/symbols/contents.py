"""What an uploaded file of symbols holds: images with their caches, a mapping, or an archive of these."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from app.symbols.archive import is_archive, members
from app.symbols.awaiting import release_key
from app.symbols.mapping import Mapping, make_mapping
from app.symbols.objects import NotSymbols, make_caches

NATIVE, MAPPING = "native", "mapping"
ARCHIVE = "archive"
OBJECTS = (b"\x7fELF", b"MZ", b"MODULE ", b"Microsoft C/C++ MSF", b"\xfe\xed\xfa", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe",
           b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf")  # fmt: skip
"""How files of debug information begin; anything else has to be a mapping."""

TOLD = 5  # problems of an archive's members


class About(NamedTuple):
    """What the sender of a file tells of it; "" is untold."""

    name: str = ""
    version: str = ""
    build: str = ""


class Held(NamedTuple):
    """One thing that a file holds, with what is made of it to look names up in."""

    kind: str  # NATIVE, MAPPING
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
    """Everything that a file holds; caches are made in `folder`. Raises NotSymbols when there is nothing."""
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
