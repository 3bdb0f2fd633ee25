"""What an uploaded file of symbols holds: images with their caches, a mapping, a source map, or an archive of these."""

import errno
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from app.gunzip import DAMAGE
from app.symbols.awaited_keys import first, release_key
from app.symbols.java import Mapping, make_mapping
from app.symbols.objects import NotSymbols, make_caches
from app.symbols.scripts import is_source_map, make_source_map, script_name

MAX_MEMBERS = 1_000
MAX_RATIO = 250  # unpacked bytes for each packed one, as for archives of logs
FREE_BYTES = 1024 * 1024  # unpacked whatever the ratio
MAX_NAME = 200  # characters kept of a name

_ENTRY = b"PK\x01\x02"  # of the directory at the end
_MARKS = (b"PK\x03\x04", b"PK\x05\x06")
_CHUNK = 1024 * 1024
NATIVE, MAPPING, SOURCE_MAP = "native", "mapping", "source_map"
ARCHIVE = "archive"
OBJECTS = (b"\x7fELF", b"MZ", b"MODULE ", b"Microsoft C/C++ MSF", b"\xfe\xed\xfa", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe",
           b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf")  # fmt: skip
"""How files of debug information begin; anything else is a source map or has to be a mapping."""
MAX_HELD = 2_000  # each is an object in the storage and a row; a fat file may list one image any number of times
TOLD = 5  # problems of an archive's members


class _Damaged(Exception):
    """The archive, or a member of it, cannot be read."""


@contextmanager
def _damage_reported() -> Iterator[None]:
    """Raise _Damaged for what damage makes zipfile raise; a place before the file's begin is an OSError like the disk's own."""
    try:
        yield
    except DAMAGE as error:
        raise _Damaged from error
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise _Damaged from error


class SymbolEntry(NamedTuple):
    """One file of an archive."""

    name: str  # without its folders
    file: Path | None  # gone once the next one is asked for
    problem: str | None = None  # why there is none


def is_archive(head: bytes) -> bool:
    """True for how a .zip begins."""
    return head.startswith(_MARKS)


def members(archive: Path, folder: Path, max_unpacked: int) -> Iterator[SymbolEntry]:
    """The files, in the archive's order, each unpacked into `folder` and removed before the next.

    Raises NotSymbols when the archive is damaged as a whole, has too many members or unpacks to too much, and OSError for
    what the disk cannot do.
    """
    if _entries(archive) > MAX_MEMBERS:  # before zipfile makes an object of each
        raise NotSymbols(f"The archive holds more than {MAX_MEMBERS} files")
    left = min(max_unpacked, archive.stat().st_size * MAX_RATIO + FREE_BYTES)
    unpacked = folder / "member"
    try:
        with _damage_reported(), zipfile.ZipFile(archive) as opened:
            for entry in opened.infolist():
                name = "".join(sign if sign.isprintable() else "\ufffd" for sign in entry.filename.rpartition("/")[2])
                if (
                    entry.is_dir()
                    or entry.filename.startswith("__MACOSX/")
                    or name.startswith("._")
                    or name == ".DS_Store"
                ):
                    continue
                problem = _problem(entry)
                if problem is None:
                    size = _unpack(opened, entry, unpacked, left)
                    problem = "it is damaged" if size is None else None
                    left -= size or 0
                yield SymbolEntry(name[-MAX_NAME:], unpacked if problem is None else None, problem)
                unpacked.unlink(missing_ok=True)
    except _Damaged as error:
        raise NotSymbols("The archive is cut short or damaged") from error


def _problem(entry: zipfile.ZipInfo) -> str | None:
    if entry.flag_bits & 1:
        return "it is encrypted"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "it is packed in a way that is not read"
    return None


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, into: Path, left: int) -> int | None:
    """Bytes written; None when the member is damaged. Raises NotSymbols when they are more than are left."""
    size = 0
    try:
        with _damage_reported(), archive.open(entry) as source, into.open("wb") as out:
            while chunk := source.read(_CHUNK):
                size += len(chunk)
                if size > left:
                    raise NotSymbols("The archive unpacks to more than is allowed, in all or for its size")
                out.write(chunk)
    except _Damaged:
        return None
    return size


def _entries(archive: Path) -> int:
    """Entries that the archive may have in its directory, at least."""
    found, before = 0, b""
    with archive.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            found += (before + chunk).count(_ENTRY)
            before = chunk[-len(_ENTRY) + 1 :]
    return found


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
