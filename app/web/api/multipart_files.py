"""Forms of files that are kept on the disk while they come in."""

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import IO

from flask import request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser

from app.errors import BadParameters, TooLarge
from app.web.api.symbols import LONGEST_FILE
from app.web.request_body import BODY

MAX_TEXT = 64 * 1024  # bytes of texts beside files
IN_MEMORY = 256 * 1024  # bytes of a file; larger ones go to the disk while they come in


@contextmanager
def files_of_form(max_bytes: int, most: int) -> Iterator[list[tuple[str, FileStorage]]]:
    """(name of the field, file) of the request's form, until the block ends. Raises TooLarge or BadParameters."""
    if (request.content_length or 0) > max_bytes:
        raise TooLarge(f"The body is larger than {max_bytes} bytes")
    if request.mimetype != "multipart/form-data":
        raise BadParameters("Files are sent as those of a form, multipart/form-data")
    request.max_content_length = None  # counted here
    if BODY in request.environ:
        request.environ[BODY].may_take(LONGEST_FILE)
    files = _read_files(request.stream, max_bytes, most)
    try:
        yield files
    finally:
        for _, one in files:
            one.close()


def _read_files(stream: IO[bytes], max_bytes: int, most: int) -> list[tuple[str, FileStorage]]:
    """A body that is read as it comes; of each file little is held in memory."""
    opened: list[SpooledTemporaryFile[bytes]] = []

    def open_file(*_: object, **__: object) -> SpooledTemporaryFile[bytes]:
        opened.append(SpooledTemporaryFile(max_size=IN_MEMORY))  # noqa: SIM115  closed here or by the caller
        return opened[-1]

    parser = MultiPartParser(stream_factory=open_file, max_form_memory_size=MAX_TEXT, max_form_parts=most)
    try:
        boundary = request.mimetype_params.get("boundary", "").encode("latin-1")
        _, files = parser.parse(_Limited(stream, max_bytes), boundary, None)  # type: ignore[arg-type]
    except Exception as error:
        for one in opened:
            one.close()
        if isinstance(error, RequestEntityTooLarge):
            raise TooLarge(f"The form has more than {most} parts, or more than {MAX_TEXT} bytes of text") from None
        if isinstance(
            error, ValueError | UnicodeError | AttributeError
        ):  # the last: a head without the line that ends it
            raise BadParameters("The body is not whole multipart/form-data") from None
        raise
    return list(files.items(multi=True))


class _Limited:
    """A stream that refuses to give more than so many bytes."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream, self._left, self._most = stream, most, most

    def read(self, size: int = -1) -> bytes:
        chunk = self._stream.read(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(chunk)
        if self._left < 0:
            raise TooLarge(f"The body is larger than {self._most} bytes")
        return chunk
