"""Calls into obstore: on which thread they are made, and what their errors are in our own."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from app.errors import AppError, TransientError
from app.telemetry import metrics

UNAVAILABLE = "The storage is unavailable, try again"


class ObjectNotFound(AppError):
    """No object has this key."""

    code, status, message = "object_not_found", 410, "The stored file is no longer there"


class ObjectDamaged(ObjectNotFound):
    """The object has not as many bytes as were stored: a disk that lost writes in a power cut, or a restore of half a store."""

    code, message = "object_damaged", "The stored file is damaged"


def check_size(found: int, expected: int | None) -> None:
    """Raise ObjectDamaged when an object has another size, in bytes, than its row says; None is said of no size."""
    if expected is not None and found != expected:
        raise ObjectDamaged(f"The stored file is damaged: {found} of its {expected} bytes are there")


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


_writing = threading.local()


def put_iterable(store: ObjectStore, key: str, chunks: Iterator[bytes], part_size: int, in_flight: int) -> None:
    """Put the chunks in order, in parts of so many bytes, so many at a time."""
    _writing.is_on = True
    try:
        obstore.put(store, key, chunks, chunk_size=part_size, max_concurrency=in_flight)
    finally:
        _writing.is_on = False


def call(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Call into obstore, which panics when the chunks it is reading call it on their thread: those use another one."""
    if not getattr(_writing, "is_on", False):
        return function(*args, **options)
    with ThreadPoolExecutor(max_workers=1) as helper:
        return helper.submit(function, *args, **options).result()
