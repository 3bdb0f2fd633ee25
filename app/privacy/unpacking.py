"""What a stored log holds: its bytes and, where it is packed, what they unpack to."""

import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress

from app.gunzip import DAMAGE, TooManyMembers, gunzipped

MOST = 64 * 1024 * 1024  # bytes of what an archive holds that are looked at: more than any log has, less than a bomb
PIECE = 64 * 1024  # bytes
MAX_MEMBERS = 100_000  # of gzip; many more than are read for a crash: what cannot be read is still kept
DEPTH = 3  # a log in gzip in zip

_THRIFTY = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)  # LZMA may ask for 4 GiB to unpack some bytes
_DAMAGED = (*DAMAGE, OSError)


def pieces(raw: bytes, depth: int = 0) -> Iterator[bytes]:
    """The bytes, and those inside gzip, zip and tar, as far as they can be read."""
    yield raw
    if depth == DEPTH:
        return
    if raw.startswith(b"\x1f\x8b"):
        yield from pieces(_gunzipped(raw), depth + 1)
    elif raw.startswith(b"PK\x03\x04"):
        for member in _zipped(raw):
            yield from pieces(member, depth + 1)
    elif raw[257:262] == b"ustar":
        for member in _tarred(raw):
            yield from pieces(member, depth + 1)


def _gunzipped(raw: bytes) -> bytes:
    """As much as can be unpacked: what comes before a broken place counts."""
    content = bytearray()
    with suppress(zlib.error, EOFError, TooManyMembers):
        for chunk in gunzipped(io.BytesIO(raw).read, MAX_MEMBERS):
            content += chunk
            if len(content) >= MOST:
                break
    return bytes(content)


def _zipped(raw: bytes) -> Iterator[bytes]:
    """Names and contents, whatever is wrong with some of the members: those beside them are a log's as well."""
    left = MOST
    with suppress(*_DAMAGED), zipfile.ZipFile(io.BytesIO(raw)) as archive:
        for info in archive.infolist():
            yield info.filename.encode("utf-8", "replace")
            if info.compress_type not in _THRIFTY:
                continue
            content = bytearray()
            with suppress(*_DAMAGED), archive.open(info) as member:
                while len(content) < left and (chunk := member.read(min(PIECE, left - len(content)))):
                    content += chunk
            yield bytes(content)
            left -= max(len(content), min(info.file_size, PIECE))  # what is damaged may have cost that much in vain


def _tarred(raw: bytes) -> Iterator[bytes]:
    """Contents of files; names stand in the tar as they are, and links only lead to other files of it."""
    left = MOST
    with suppress(*_DAMAGED), tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        for info in archive:
            member = archive.extractfile(info) if info.isfile() else None
            if member is not None:
                content = member.read(left)
                yield content
                left -= len(content)
