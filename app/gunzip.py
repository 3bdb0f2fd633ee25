"""Unpacks gzip within a bound of work: each member costs the same, whether anything comes out of it or not.

Source: RFC 1952. A file is one or more members; zeros behind the last are padding, as tape and block devices leave them.
"""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator

DAMAGE = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, ValueError, OverflowError,
    LookupError,  # a file without a name, a link to nowhere
    RuntimeError,  # a password, a compression that is not there, links in a circle
)  # fmt: skip
"""OSError is not among them, for a failing disk raises it too: code that reads from memory adds it."""


READ_SIZE = 64 * 1024  # bytes
MAX_MEMBERS = 1_000  # of one body or file; who packs by pieces makes some dozens
GZIP = 16 + zlib.MAX_WBITS  # zlib's number for the format, with its checksum


class TooManyMembers(ValueError):
    """More members, or frames, than are read of one file."""


def gunzipped(read: Callable[[int], bytes], max_members: int = MAX_MEMBERS) -> Iterator[bytes]:
    """What the stream unpacks to, in chunks of at most READ_SIZE, some of them empty.

    Raises zlib.error for what is no gzip, EOFError where it is cut short, and TooManyMembers.
    """
    chunk = read(READ_SIZE)
    members = 0
    while chunk:
        members += 1
        if members > max_members:
            raise TooManyMembers(f"more than {max_members} members")
        unpacker = zlib.decompressobj(GZIP)
        while not unpacker.eof:
            made = unpacker.decompress(chunk, READ_SIZE)
            if not chunk and not made:
                raise EOFError
            yield made
            chunk = unpacker.unconsumed_tail or (b"" if unpacker.eof else read(READ_SIZE))
        chunk = _without_padding(unpacker.unused_data, read)


def _without_padding(chunk: bytes, read: Callable[[int], bytes]) -> bytes:
    chunk = (chunk or read(READ_SIZE)).lstrip(b"\0")
    while not chunk and (chunk := read(READ_SIZE)):
        chunk = chunk.lstrip(b"\0")
    return chunk
