"""Below the storage: calls into obstore with their errors as our own, and files of a folder store, made durable and read
past it, which takes thirty times as long.
"""

import hashlib
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from app.errors import AppError, TransientError
from app.telemetry import metrics

UNAVAILABLE = "The storage is unavailable, try again"
_writing = threading.local()
FILE_CHUNK = 128 * 1024  # bytes; the web server holds up to eight of them for a reader that is slow


class ObjectNotFound(AppError):
    """No object has this key."""

    code, status, message = "object_not_found", 410, "The stored file is no longer there"


class ObjectDamaged(ObjectNotFound):
    """The object has not the bytes that were stored: a disk that lost writes in a power cut, or a restore of half a store."""

    code, message = "object_damaged", "The stored file is damaged"


def check_size(found: int, expected: int | None) -> None:
    """Raise ObjectDamaged when an object has another size, in bytes, than its row says; None is said of no size."""
    if expected is not None and found != expected:
        raise ObjectDamaged(f"The stored file is damaged: {found} of its {expected} bytes are there")


def check_content(content: bytes, size: int | None, sha256: str | None) -> None:
    """The same for a whole object, and for its SHA-256 in hex, where that is known; of no size, whatever is there is right."""
    check_size(len(content), size)
    if size is not None and sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise ObjectDamaged("The stored file is damaged: its bytes are not those that were stored")


@contextmanager
def translated(operation: str, raised_by_caller: list[BaseException] | None = None) -> Iterator[None]:
    """Turn the errors of obstore and of files into TransientError, and those of a missing object into ObjectNotFound.

    `raised_by_caller` holds what the writer of the bytes has raised: that comes through as it is.
    """
    try:
        yield
    except (BaseError, OSError) as error:
        if raised_by_caller:
            raise raised_by_caller[0] from None
        # A put finds nothing missing: the bucket is, or S3 has lost an upload that was being aborted.
        if isinstance(error, FileNotFoundError) and operation != "put":
            raise ObjectNotFound from error
        metrics.store_errors.add(operation)
        raise TransientError(UNAVAILABLE) from error


def put_iterable(store: ObjectStore, key: str, chunks: Iterator[bytes], part_size: int, in_flight: int) -> None:
    """Put the chunks in order, in parts of so many bytes, so many at a time."""
    with ThreadPoolExecutor(max_workers=1) as helper:  # begins its thread with the first call
        _writing.helper = helper
        try:
            obstore.put(store, key, chunks, chunk_size=part_size, max_concurrency=in_flight)
        finally:
            _writing.helper = None


def call(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Call into obstore, which panics when the chunks it is reading call it on their thread: those use another one."""
    helper: ThreadPoolExecutor | None = getattr(_writing, "helper", None)
    return function(*args, **options) if helper is None else helper.submit(function, *args, **options).result()


class FilePart(Iterator[bytes]):
    """Bytes of a file, a chunk at a time; it is open from the start, so what is deleted meanwhile is still sent whole."""

    def __init__(self, path: Path, start: int, end: int | None, size: int | None) -> None:
        """`size`: of the whole file, where that is known. Raises FileNotFoundError and ObjectDamaged."""
        self._file = os.open(path, os.O_RDONLY)
        self._close = weakref.finalize(self, os.close, self._file)  # also when nobody reads to the end
        self._at = start
        found = os.fstat(self._file).st_size
        self._end = found if end is None else end
        try:
            check_size(found, size)
        except ObjectDamaged:
            self._close()
            raise

    def __next__(self) -> bytes:
        wanted = min(FILE_CHUNK, self._end - self._at)
        with translated("get"):
            piece = os.pread(self._file, wanted, self._at) if wanted > 0 and self._close.alive else b""
        if not piece:
            self._close()
            raise StopIteration
        self._at += len(piece)
        return piece


def make_durable(path: Path) -> None:
    """Wait until file and name are on the disk: an answered upload has to survive a power cut."""
    for target in (path, path.parent):
        descriptor = os.open(target, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
