"""What an uploaded file of symbols holds: images with their caches, a mapping, a source map, an archive or a bundle of these."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from app.symbols import NotSymbols
from app.symbols.archives import is_archive, members
from app.symbols.awaited_keys import SOURCES, UNWIND, debug_id, first, release_key, sources_key, unwind_key
from app.symbols.bundles import BundledMap, bundled_maps, bundled_sources, is_bundle
from app.symbols.java import Mapping, make_mapping
from app.symbols.objects import make_caches
from app.symbols.scripts import is_source_map, make_source_map, map_sources, no_files, script_name
from app.symbols.source_files import keep_sources

NATIVE, MAPPING, SOURCE_MAP = "native", "mapping", "source_map"
ARCHIVE, BUNDLE = "archive", "bundle"
OBJECTS = (b"\x7fELF", b"MZ", b"MODULE ", b"Microsoft C/C++ MSF", b"\xfe\xed\xfa", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe",
           b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf")  # fmt: skip
"""How files of debug information begin; anything else is a source map or has to be a mapping."""
MAX_HELD = 2_000  # each is an object in the storage and a row; a fat file may list one image any number of times
TOLD = 5  # problems of an archive's members
_UUID_NAME = re.compile(r"(?:.*[/\\])?([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})(?:\.txt)?")

_DART_MAP = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[\s*\"")  # a list of names in JSON


class About(NamedTuple):
    """What the sender of a file tells of it; "" is untold."""

    name: str = ""
    version: str = ""
    build: str = ""


class Held(NamedTuple):
    """One thing that a file holds, with what is made of it to look names up in."""

    kind: str  # NATIVE, MAPPING, SOURCE_MAP
    file_format: str  # "macho", "elf", "breakpad", "proguard", …
    ids: list[
        str
    ]  # by which it is found: debug id, a key of its version and build, UNWIND or SOURCES with one of these
    arch: str | None
    name: str  # of the file that it was in
    cache: Path  # gone once the next one is asked for


def container(file: Path) -> str | None:
    """ARCHIVE or BUNDLE for a file that holds others, else None."""
    with file.open("rb") as opened:
        head = opened.read(4)
    return ARCHIVE if is_archive(head) else BUNDLE if is_bundle(head) else None


def id_in_name(name: str) -> str | None:
    """The id of a mapping that is named by it, as build tools do: `/proguard/<uuid>.txt`; None for another name."""
    found = _UUID_NAME.fullmatch(name)
    return debug_id(found[1]) if found else None


def contents(file: Path, folder: Path, about: About, max_unpacked: int) -> Iterator[Held]:
    """Everything that a file holds; caches are made in `folder`. Nothing of a bundle with sources of no image.

    Raises NotSymbols when there is nothing, or too much.
    """
    number = 0
    for held in _each(file, folder, about, max_unpacked):
        number += not held.ids[0].startswith((UNWIND, SOURCES))
        if number > MAX_HELD:
            raise NotSymbols(f"The file holds more than {MAX_HELD} images, mappings and source maps")
        yield held


def _each(file: Path, folder: Path, about: About, max_unpacked: int) -> Iterator[Held]:
    kind = container(file)
    if kind == BUNDLE:
        yield from _of_bundle(file, folder, about, max_unpacked)
    elif kind == ARCHIVE:
        yield from _of_archive(file, folder, about, max_unpacked)
    else:
        yield from _of_file(file, folder, about)


def _of_archive(file: Path, folder: Path, about: About, max_unpacked: int) -> Iterator[Held]:
    problems: list[str] = []
    has_some = False
    for name, _path, member, problem in members(file, folder, max_unpacked):
        if member is not None:
            try:
                if container(member):
                    raise NotSymbols("an archive in an archive is not read")
                for one in _of_file(member, folder, about._replace(name=name)):
                    has_some = True
                    yield one
            except NotSymbols as error:
                problem = error.message
        if problem:
            problems.append(f"{name}: {problem}")
    if not has_some:
        raise NotSymbols(f"The archive holds no symbols: {_first_problems(problems) or 'it is empty'}")


def _of_bundle(file: Path, folder: Path, about: About, max_unpacked: int) -> Iterator[Held]:
    problems: list[str] = []
    has_some = False
    for bundled, problem in bundled_maps(file, folder, max_unpacked):
        if bundled.file is not None:
            try:
                yield from _source_map(bundled.file, folder, about._replace(name=bundled.name), bundled)
                has_some = True
            except NotSymbols as error:
                problem = error.message
        if problem:
            problems.append(f"{bundled.name}: {problem}")
    if problems and not has_some:
        raise NotSymbols(f"The bundle holds no source map that can be read: {_first_problems(problems)}")
    written, sources = bundled_sources(file, folder, max_unpacked)
    image, cache = debug_id(written) if written else None, folder / "sources"
    if image and keep_sources(sources, cache):
        yield Held(NATIVE, "sources", [sources_key(image)], None, about.name, cache)


def _first_problems(problems: list[str]) -> str:
    more = f"; and {len(problems) - TOLD} more" if len(problems) > TOLD else ""
    return "; ".join(problems[:TOLD]) + more


def _of_file(file: Path, folder: Path, about: About) -> Iterator[Held]:
    with file.open("rb") as opened:
        head = opened.read(32)
    if is_source_map(head):
        yield from _source_map(file, folder, about)
        return
    if _DART_MAP.match(head):
        raise NotSymbols(
            "A symbol map of Dart is not read: types of exceptions keep the names that Dart's build gave them"
        )
    if not head.startswith(OBJECTS):
        yield _mapping(file, folder, about)
        return
    has_some = False
    for found in make_caches(file, folder):
        has_some = True
        for key, cache in ((found.debug_id, found.cache), (unwind_key(found.debug_id), found.unwind)):
            if cache:
                yield Held(NATIVE, found.file_format, [key], found.arch, about.name, cache)
                cache.unlink()
    if not has_some:
        raise NotSymbols("The file describes no image: it has neither debug information nor a symbol table, or no id")


def _mapping(file: Path, folder: Path, about: About) -> Held:
    cache = folder / "mapping"
    make_mapping(file, cache)
    ids = [*_each_once([str(Mapping(cache).uuid), id_in_name(about.name)])]
    if about.version or about.build:
        ids.append(release_key(about.version, about.build))
    return Held(MAPPING, "proguard", ids, None, about.name, cache)


def _source_map(file: Path, folder: Path, about: About, bundled: BundledMap | None = None) -> Iterator[Held]:
    cache, sources = folder / "source_map", folder / "sources"
    own, scripts = make_source_map(file, cache)
    ids = [*_each_once([*own, *(map(debug_id, bundled.debug_ids) if bundled else ())])]
    if about.version or about.build:
        if bundled and bundled.script:
            scripts = [bundled.script]  # whose script it is, the bundle knows better than the map
        names = first([*scripts, *([script_name(about.name).removesuffix(".map")] if about.name else [])])
        ids += (release_key(about.version, about.build, name) for name in names)
    if not ids:
        raise NotSymbols(
            "The source map could not be found by anything: give it a debug_id, or a version or build and a file name"
        )
    if keep_sources(map_sources(file, bundled.beside if bundled else no_files), sources):
        yield Held(SOURCE_MAP, "sources", [sources_key(one) for one in ids], None, about.name, sources)
    yield Held(SOURCE_MAP, "sourcemap", ids, None, about.name, cache)


def _each_once(ids: Iterable[str | None]) -> Iterator[str]:
    yield from dict.fromkeys(one for one in ids if one)
