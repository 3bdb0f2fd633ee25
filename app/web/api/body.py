"""The body of an upload: kept in a temporary file as it comes, unpacked once it is whole and its sender is known."""

from collections.abc import Callable
from tempfile import SpooledTemporaryFile
from types import TracebackType

from flask import request

from app.errors import TooLarge
from app.ingest.unpacking import Readable, read_body, read_first_line, unpacking
from app.web.auth import services

IN_MEMORY = 256 * 1024  # bytes; larger bodies go to the disk while they come in
LONGEST_FIRST_LINE = 8 * 1024  # bytes, unpacked


class Upload:
    """The body of the request at hand, within the limit of a log: `with Upload() as upload`.

    Raises TooLarge, SlowBody, UnsupportedMedia or BadParameters.
    """

    def __init__(self, times: int = 1) -> None:
        """`times`: of the limit of a log, that the body may have packed."""
        self._most = services().config.max_log_bytes
        self._limit = times * self._most
        if (request.content_length or 0) > self._limit:
            raise TooLarge(f"The log is larger than {self._most} bytes")
        request.max_content_length = None  # it is counted here
        self._encoding = request.headers.get("Content-Encoding", "")
        self._file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  closed by __exit__
        self._kept = 0

    def __enter__(self) -> "Upload":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def read(self, size: int) -> bytes:
        """The next packed bytes, which are kept."""
        chunk: bytes = request.stream.read(min(size, self._limit + 1 - self._kept))
        if not chunk:
            return b""
        self._kept += len(chunk)
        if self._kept > self._limit:
            raise TooLarge("The packed log is larger than the server takes")
        self._file.write(chunk)
        return chunk

    def first_line(self) -> bytes:
        """As much of the first line as LONGEST_FIRST_LINE has room for. No more is read or unpacked than that takes."""
        return read_first_line(self, self._encoding, LONGEST_FIRST_LINE)

    def content(self) -> bytes:
        """The whole body, unpacked."""
        self._read_on()
        return read_body(self._file, self._encoding, self._most)

    def reduced(self, reduce: Callable[[Readable, int], bytes]) -> bytes:
        """What `reduce(stream, limit)` makes of the whole body, unpacked as it is read."""
        self._read_on()
        with unpacking(self._file, self._encoding, self._limit) as unpacked:
            return reduce(unpacked, self._most)

    def _read_on(self) -> None:
        while self.read(64 * 1024):
            pass
        self._file.seek(0)


def unpacked_body() -> bytes:
    """Read the request's body. Raises TooLarge, SlowBody, UnsupportedMedia or BadParameters."""
    with Upload() as upload:
        return upload.content()
