"""The files of a .zip or .tar.gz in its order, unpacked one at a time and within bounds.

Source: PKWARE's APPNOTE 6.3 (stored and deflated members, no encryption) and POSIX ustar, pax and GNU tar in gzip.
Left out on purpose: other compressions, links, devices, what macOS adds (`__MACOSX/`, `.DS_Store`, `._*`).
"""

import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from app.damage import DAMAGE
from app.errors import MalformedLog
from app.parsers import values

MAX_MEMBERS = 1_000  # files of one archive
MAX_RATIO = 250  # unpacked bytes per packed byte; text comes to some 30, deflate could give 1,032
FREE_BYTES = 1_048_576  # unpacked whatever the ratio

_TAR_HEAD = 512  # bytes of a tar's first header
_ZIP_MARKS = (b"PK\x03\x04", b"PK\x05\x06")  # a member; the end of an archive that has none
_ZIP_ENTRY = b"PK\x01\x02"  # of the directory at the end
_DAMAGED = (*DAMAGE, OSError)
_MAX_NAME = 200  # characters told of a name


class Member(NamedTuple):
    """One file of an archive."""

    name: str
    content: bytes | None
    problem: str | None = None  # why there is no content, as the tail of "NAME: …"


class _Budget:
    """The bytes that may still be unpacked."""

    def __init__(self, packed: int, limit: int | None) -> None:
        by_ratio = packed * MAX_RATIO + FREE_BYTES
        self.limit = by_ratio if limit is None else min(limit, by_ratio)
        self.left = self.limit

    def take(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise MalformedLog(f"The archive unpacks to more than {self.limit} bytes")


class _Counted(io.RawIOBase):
    """A stream whose every byte is taken from the budget."""

    def __init__(self, stream: gzip.GzipFile, budget: _Budget) -> None:
        super().__init__()
        self._stream, self._budget = stream, budget

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        chunk = self._stream.read(min(size if size >= 0 else self._budget.left + 1, self._budget.left + 1))
        self._budget.take(len(chunk))
        return chunk


def is_zip(raw: bytes) -> bool:
    """True when the bytes begin as a .zip does."""
    return raw[:4] in _ZIP_MARKS


def is_tar_gz(raw: bytes) -> bool:
    """True for gzip whose content begins with the header of a tar."""
    if raw[:2] != b"\x1f\x8b":
        return False
    try:
        head = zlib.decompressobj(wbits=31).decompress(raw[:65_536], _TAR_HEAD)
    except zlib.error:
        return False
    return head[257:262] == b"ustar"


def members(raw: bytes, max_unpacked: int | None = None) -> Iterator[Member]:
    """The files, in the archive's order, each dropped before the next is unpacked.

    Raises MalformedLog when the archive is damaged as a whole, has too many members, or unpacks to more than
    `max_unpacked` bytes or MAX_RATIO times its size.
    """
    budget = _Budget(len(raw), max_unpacked)
    return _of_zip(raw, budget) if is_zip(raw) else _of_tar(raw, budget)


def _of_zip(raw: bytes, budget: _Budget) -> Iterator[Member]:
    if raw.count(_ZIP_ENTRY) > MAX_MEMBERS:  # before zipfile makes an object of each
        raise MalformedLog(f"The archive holds more than {MAX_MEMBERS} files")
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            for entry in archive.infolist():
                if not entry.is_dir() and not _is_noise(entry.filename):
                    yield _zip_member(archive, entry, budget)
    except _DAMAGED:
        raise MalformedLog("The archive is cut short or damaged") from None


def _zip_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, budget: _Budget) -> Member:
    name = _shown(entry.filename)
    if entry.flag_bits & 1:
        return Member(name, None, "it is encrypted")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return Member(name, None, "it is packed in a way that is not read")
    try:
        with archive.open(entry) as file:
            content = file.read(budget.left + 1)
    except _DAMAGED:
        return Member(name, None, "it is damaged")
    budget.take(len(content))
    return Member(name, content)


def _of_tar(raw: bytes, budget: _Budget) -> Iterator[Member]:
    try:
        with (
            gzip.GzipFile(fileobj=io.BytesIO(raw), mode="rb") as unpacked,
            tarfile.open(fileobj=_Counted(unpacked, budget), mode="r|", errorlevel=0) as archive,
        ):
            for number, entry in enumerate(archive, 1):
                if number > MAX_MEMBERS:
                    raise MalformedLog(f"The archive holds more than {MAX_MEMBERS} files")
                if not entry.isfile() or _is_noise(entry.name):
                    continue
                if entry.issparse() or entry.size > budget.left:
                    budget.take(entry.size)
                file = archive.extractfile(entry)
                content = file.read() if file else b""
                if len(content) != entry.size:
                    raise MalformedLog("The archive is cut short or damaged")
                yield Member(_shown(entry.name), content)
    except _DAMAGED:
        raise MalformedLog("The archive is cut short or damaged") from None


def _is_noise(name: str) -> bool:
    last = name.rsplit("/", 1)[-1]
    return name.startswith("__MACOSX/") or last == ".DS_Store" or last.startswith("._")


def _shown(name: str) -> str:
    shown = "".join(char if char.isprintable() else "\ufffd" for char in values.clean(name[: _MAX_NAME + 1]))
    return shown if len(shown) <= _MAX_NAME else shown[: _MAX_NAME - 1] + "…"
