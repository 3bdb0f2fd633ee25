"""The files of a .zip or .tar.gz in its order, and the one of a .gz, unpacked one at a time and within bounds.

Source: PKWARE's APPNOTE 6.3 (stored and deflated members, no encryption) and POSIX ustar, pax and GNU tar in gzip.
Left out on purpose: other compressions, links, devices, what macOS adds (`__MACOSX/`, `.DS_Store`, `._*`), and what
Xcode keeps beside the logs of a `.xccrashpoint`.
"""

import io
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import NamedTuple, Self

from app.errors import MalformedLog
from app.gunzip import DAMAGE, GZIP, TooManyMembers, gunzipped
from app.parsers import values

MAX_MEMBERS = 1_000  # files of one archive
MAX_RATIO = 250  # unpacked bytes per packed byte; text comes to some 30, deflate could give 1,032
FREE_BYTES = 1_048_576  # unpacked whatever the ratio

_CHUNK = 65_536  # bytes unpacked at a time
_MAX_PAX_WORK = 32_768**2  # bytes, squared: tarfile searches a pax header of digits once from each of its bytes
_PAX_TYPES = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
_TAR_HEAD = 512  # bytes of a tar's first header
_ZIP_MARKS = (b"PK\x03\x04", b"PK\x05\x06")  # a member; the end of an archive that has none
_LOCAL_NAMES = struct.Struct("<26xHH")  # of a member's own header: the lengths of its name and of what is extra
_ZIP_ENTRY = b"PK\x01\x02"  # of the directory at the end
_DAMAGED = (*DAMAGE, OSError)
_GZIP_MARK = b"\x1f\x8b\x08"
_GZIP_NAME = re.compile(rb"\x1f\x8b\x08\x08.{6}([^\0]{1,200})\0", re.DOTALL)  # that of the file which was packed
_XCODE_LOGS = (".crash", ".ips", ".txt", ".log")
_MAX_NAME = 200  # characters kept of a name


class ArchiveMember(NamedTuple):
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

    def __init__(self, chunks: Iterator[bytes], budget: _Budget) -> None:
        super().__init__()
        self._chunks, self._budget = chunks, budget

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:  # noqa: ARG002  tarfile's stream keeps what it has not asked for
        chunk = next((chunk for chunk in self._chunks if chunk), b"")
        self._budget.take(len(chunk))
        return chunk


class _BoundedTarInfo(tarfile.TarInfo):
    """A header of a tar; all pax headers together may cost no more than `pax_work`, an attribute of a subclass."""

    pax_work: int

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        header = super().frombuf(buf, encoding, errors)
        if header.type in _PAX_TYPES:
            cls.pax_work -= header.size**2
            if cls.pax_work < 0:
                raise MalformedLog("The archive's headers are too large")
        return header


def is_zip(raw: bytes) -> bool:
    """True when the bytes begin as a .zip does."""
    return raw[:4] in _ZIP_MARKS


def is_tar_gz(raw: bytes) -> bool:
    """True for gzip whose content begins with the header of a tar."""
    if raw[:2] != b"\x1f\x8b":
        return False
    try:
        head = zlib.decompressobj(GZIP).decompress(raw[:65_536], _TAR_HEAD)
    except zlib.error:
        return False
    return head[257:262] == b"ustar"


def is_gzip(raw: bytes) -> bool:
    """True when the bytes begin as gzip does, whatever is in it."""
    return raw[:3] == _GZIP_MARK


def members(raw: bytes, max_unpacked: int | None = None) -> Iterator[ArchiveMember]:
    """The files, in the archive's order, each dropped before the next is unpacked.

    Raises MalformedLog when the archive is damaged as a whole, has too many members, or unpacks to more than
    `max_unpacked` bytes or MAX_RATIO times its size.
    """
    budget = _Budget(len(raw), max_unpacked)
    if is_zip(raw):
        return _of_zip(raw, budget)
    return _of_tar(raw, budget) if is_tar_gz(raw) else _of_gzip(raw, budget)


def _of_zip(raw: bytes, budget: _Budget) -> Iterator[ArchiveMember]:
    if raw.count(_ZIP_ENTRY) > MAX_MEMBERS:  # before zipfile makes an object of each
        raise MalformedLog(f"The archive holds more than {MAX_MEMBERS} files")
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            _refuse_overlaps(raw, archive)
            for entry in archive.infolist():
                if not entry.is_dir() and not _is_noise(entry.filename):
                    yield _zip_member(archive, entry, budget)
    except _DAMAGED:
        raise MalformedLog("The archive is cut short or damaged") from None


def _refuse_overlaps(raw: bytes, archive: zipfile.ZipFile) -> None:
    """Bytes that several entries share would be unpacked for each of them: a KB could hold a worker for minutes."""
    end = 0
    for entry in sorted(archive.infolist(), key=lambda entry: entry.header_offset):
        start = entry.header_offset
        if start < end:
            raise MalformedLog("The archive's entries overlap")
        names = sum(_LOCAL_NAMES.unpack_from(raw, start)) if len(raw) >= start + _LOCAL_NAMES.size else 0
        end = start + _LOCAL_NAMES.size + names + entry.compress_size
    if end > archive.start_dir:
        raise MalformedLog("The archive's entries overlap")


def _zip_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, budget: _Budget) -> ArchiveMember:
    name = _printable(entry.filename)
    if entry.flag_bits & 1:
        return ArchiveMember(name, None, "it is encrypted")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return ArchiveMember(name, None, "it is packed in a way that is not read")
    content = bytearray()
    try:
        with archive.open(entry) as file:
            while chunk := file.read(_CHUNK):
                content += chunk
                budget.take(len(chunk))
    except _DAMAGED:
        budget.take(max(min(_CHUNK, entry.file_size - len(content)), 0))  # so much may have been unpacked in vain
        return ArchiveMember(name, None, "it is damaged")
    return ArchiveMember(name, bytes(content))


def _of_tar(raw: bytes, budget: _Budget) -> Iterator[ArchiveMember]:
    unpacked = _Counted(gunzipped(io.BytesIO(raw).read), budget)
    header = type("_OneArchive", (_BoundedTarInfo,), {"pax_work": _MAX_PAX_WORK})
    try:
        with tarfile.open(fileobj=unpacked, mode="r|", errorlevel=0, tarinfo=header) as archive:
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
                yield ArchiveMember(_printable(entry.name), content)
    except TooManyMembers as error:
        raise MalformedLog(f"The archive's gzip has {error}") from None
    except _DAMAGED:
        raise MalformedLog("The archive is cut short or damaged") from None


def _of_gzip(raw: bytes, budget: _Budget) -> Iterator[ArchiveMember]:
    content = bytearray()
    try:
        for chunk in gunzipped(io.BytesIO(raw).read):
            budget.take(len(chunk))
            content += chunk
    except TooManyMembers as error:
        raise MalformedLog(f"The gzip has {error}") from None
    except _DAMAGED:
        raise MalformedLog("The gzip is cut short or damaged") from None
    name = _GZIP_NAME.match(raw[: _MAX_NAME + 16])
    yield ArchiveMember(_printable(name[1].decode("latin-1")) if name else "log", bytes(content))


def _is_noise(name: str) -> bool:
    last = name.rsplit("/", 1)[-1]
    is_xcodes = ".xccrashpoint/" in name and not last.lower().endswith(_XCODE_LOGS)
    return name.startswith("__MACOSX/") or last == ".DS_Store" or last.startswith("._") or is_xcodes


def _printable(name: str) -> str:
    shown = "".join(char if char.isprintable() else "\ufffd" for char in values.clean(name[: _MAX_NAME + 1]))
    return shown if len(shown) <= _MAX_NAME else shown[: _MAX_NAME - 1] + "…"
