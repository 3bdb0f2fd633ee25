"""Unpacks the body of an upload, in every encoding that senders use, without ever holding more than is allowed."""

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import brotli
from backports import zstd

from app.errors import BadParameters, TooLarge, UnsupportedMedia
from app.gunzip import MAX_MEMBERS, READ_SIZE, TooManyMembers, gunzipped

LARGEST_WINDOW = 23  # binary logarithm of bytes of zstd's window: 8 MiB, as RFC 9659 has it for HTTP
ENCODINGS = ("gzip", "x-gzip", "deflate", "br", "zstd")
FIRST_LINE_WITHIN = 256 * 1024  # packed bytes in which it has to be
BROKEN = (EOFError, zlib.error, brotli.error, zstd.ZstdError)


class Readable(Protocol):
    """What gives bytes, and none at its end."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes."""


def read_body(stream: Readable, content_encoding: str, max_bytes: int) -> bytes:
    """Return the unpacked body. Raises TooLarge, UnsupportedMedia or BadParameters; never holds more than max_bytes."""
    with unpacking(stream, content_encoding, max_bytes) as unpacked:
        return _read_at_most(unpacked, max_bytes)


def gunzipped_file(content: bytes, max_bytes: int) -> bytes:
    """A file of a form, also where its sender has packed it without saying so in a header. Raises as `read_body` does."""
    return read_body(io.BytesIO(content), "gzip", max_bytes) if content.startswith(b"\x1f\x8b") else content


def read_first_line(stream: Readable, content_encoding: str, max_bytes: int) -> bytes:
    """Return the first line of the unpacked body without its end, or its first max_bytes. Raises as `read_body` does.

    No more is read or unpacked than some chunks that hold it.
    """
    found = bytearray()
    with unpacking(stream, content_encoding, FIRST_LINE_WITHIN) as unpacked:
        while len(found) < max_bytes and (chunk := unpacked.read(max_bytes)):
            found += chunk
            if b"\n" in chunk:
                break
    return bytes(found[:max_bytes]).partition(b"\n")[0]


@contextmanager
def unpacking(stream: Readable, content_encoding: str, max_packed: int) -> Iterator[Readable]:
    """A stream of the unpacked body, to be read within the block; it gives what it has, in chunks. Raises as `read_body` does."""
    encoding = content_encoding.strip().lower()
    if encoding in ("", "identity"):
        yield stream
        return
    if encoding not in ENCODINGS:
        raise UnsupportedMedia("Content-Encoding has to be gzip, deflate, br or zstd, or left out")
    try:
        yield _Chunks(_unpacked(encoding, _CountingReader(stream, max_packed)))
    except TooManyMembers as error:
        raise BadParameters(f"The body is packed in {error}") from None
    except BROKEN:
        raise BadParameters(f"The body is not whole {encoding.removeprefix('x-')} data") from None


def _unpacked(encoding: str, packed: "_CountingReader") -> Iterator[bytes]:
    if encoding == "br":
        return _brotli(packed)
    if encoding == "deflate":
        return _deflate(packed)
    if encoding == "zstd":
        return _zstd(packed)
    return gunzipped(packed.read)


def _brotli(packed: "_CountingReader") -> Iterator[bytes]:
    unpacker = brotli.Decompressor()
    while not unpacker.is_finished():
        chunk = packed.read(READ_SIZE) if unpacker.can_accept_more_data() else b""
        made = unpacker.process(chunk, output_buffer_limit=READ_SIZE)
        if not chunk and not made and not unpacker.is_finished():
            raise EOFError
        yield made


def _deflate(packed: "_CountingReader") -> Iterator[bytes]:
    """HTTP's deflate is zlib's format; some senders leave its two bytes of header out."""
    chunk = packed.read(READ_SIZE)
    has_header = len(chunk) > 1 and chunk[0] & 15 == 8 and (chunk[0] << 8 | chunk[1]) % 31 == 0
    unpacker = zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)
    while not unpacker.eof:
        made = unpacker.decompress(chunk, READ_SIZE)
        if not chunk and not made:
            raise EOFError
        yield made
        chunk = unpacker.unconsumed_tail or packed.read(READ_SIZE)


def _zstd(packed: "_CountingReader") -> Iterator[bytes]:
    """One frame after another (RFC 8878), also those to be skipped: each costs, whether anything comes out or not."""
    chunk = packed.read(READ_SIZE)
    frames = 0
    while chunk:
        frames += 1
        if frames > MAX_MEMBERS:
            raise TooManyMembers(f"more than {MAX_MEMBERS} frames")
        unpacker = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: LARGEST_WINDOW})
        while not unpacker.eof:
            made = unpacker.decompress(chunk, READ_SIZE)
            if not chunk and not made and unpacker.needs_input:
                raise EOFError
            yield made
            chunk = packed.read(READ_SIZE) if unpacker.needs_input and not unpacker.eof else b""
        chunk = unpacker.unused_data or packed.read(READ_SIZE)


class _Chunks:
    """Chunks of at most READ_SIZE, as something to read from until it gives nothing."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def read(self, size: int, /) -> bytes:  # noqa: ARG002  a chunk more than the limit is refused by the reader
        return next((chunk for chunk in self._chunks if chunk), b"")


def _read_at_most(stream: Readable, limit: int) -> bytes:
    content = bytearray()
    while chunk := stream.read(min(READ_SIZE, limit + 1 - len(content))):
        content += chunk
        if len(content) > limit:
            raise TooLarge(f"The log is larger than {limit} bytes")
    return bytes(content)


class _CountingReader(io.RawIOBase):
    """A stream that refuses to give more than `limit` bytes."""

    def __init__(self, stream: Readable, limit: int) -> None:
        super().__init__()
        self._stream = stream
        self._left = limit

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        chunk = self._stream.read(size if size >= 0 else READ_SIZE)
        self._left -= len(chunk)
        if self._left < 0:
            raise TooLarge("The packed log is larger than the server takes")
        return chunk
