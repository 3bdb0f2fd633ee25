"""Files out of an uploaded zip, unpacked one by one within bounds."""

import errno
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from app.gunzip import DAMAGE
from app.symbols import NotSymbols

MAX_MEMBERS = 1_000
MAX_RATIO = 250  # unpacked bytes for each packed one, as for archives of logs
FREE_BYTES = 1024 * 1024  # unpacked whatever the ratio
MAX_NAME = 200  # characters kept of a name

_ENTRY = b"PK\x01\x02"  # of the directory at the end
_END, _END_64 = b"PK\x05\x06", b"PK\x06\x06"  # of the record behind the directory, which says how large that is
_END_WITHIN = 66_000  # bytes from the end of the file
MAX_LISTED = 256 * 1024  # bytes of a directory that is looked at in passing
_MARKS = (b"PK\x03\x04", b"PK\x05\x06")
_CHUNK = 1024 * 1024


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
    path: str  # as the archive has it
    file: Path | None  # gone once the next one is asked for
    problem: str | None = None  # why there is none


def is_archive(head: bytes) -> bool:
    """True for how a .zip begins."""
    return head.startswith(_MARKS)


def _any(_path: str) -> bool:
    return True


def members(
    archive: Path,
    folder: Path,
    max_unpacked: int,
    *,
    max_members: int | None = None,
    is_wanted: Callable[[str], bool] = _any,
) -> Iterator[SymbolEntry]:
    """The wanted files, by their paths, in the archive's order, each unpacked into `folder` and removed before the next.

    Raises NotSymbols when the archive is damaged as a whole, has too many members or unpacks to too much, and OSError for
    what the disk cannot do.
    """
    most = MAX_MEMBERS if max_members is None else max_members
    if _entries(archive) > most:  # before zipfile makes an object of each
        raise NotSymbols(f"The archive holds more than {most} files")
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
                    or not is_wanted(entry.filename)
                ):
                    continue
                problem = _problem(entry)
                if problem is None:
                    size = _unpack(opened, entry, unpacked, left)
                    problem = "it is damaged" if size is None else None
                    left -= size or 0
                yield SymbolEntry(name[-MAX_NAME:], entry.filename, unpacked if problem is None else None, problem)
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


def names_in(archive: IO[bytes]) -> list[str]:
    """The paths in a zip; none when it cannot be read, or its directory is too large to be looked at in passing."""
    archive.seek(0, os.SEEK_END)
    size = archive.tell()
    archive.seek(max(size - _END_WITHIN, 0))
    end = archive.read()
    at = end.rfind(_END)
    if at < 0 or _END_64 in end or int.from_bytes(end[at + 12 : at + 16], "little") > MAX_LISTED:
        return []
    try:
        with _damage_reported(), zipfile.ZipFile(archive) as opened:
            return [one for one in opened.namelist() if one.isprintable()]
    except _Damaged:
        return []
