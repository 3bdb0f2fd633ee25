"""Bytes by key, in a folder, in S3 or in memory: the only module that knows obstore."""

import os
import re
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, ObjectStore, S3Store

from app import metrics
from app.errors import AppError, TransientError
from app.unfinished_files import UnfinishedFiles

READ_CHUNK = 256 * 1024  # bytes; what one streamed answer holds at a time
FILE_CHUNK = 1024 * 1024  # bytes; the same when it comes from a file
PART_SIZE = 5 * 1024 * 1024  # bytes; the smallest part S3 takes
PARTS_IN_FLIGHT = 2  # so one writer holds at most about 15 MiB, whatever it writes
READS_IN_FLIGHT = 8  # small objects asked for at the same time
KEY_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")  # no slash, no leading dot: cannot climb out of its folder


class ObjectNotFound(AppError):
    """No object has this key."""

    code, status, message = "object_not_found", 410, "The stored file is no longer there"


@dataclass(frozen=True)
class ObjectStat:
    """What is known of a stored object without reading it."""

    key: str
    size: int  # bytes
    modified: datetime  # UTC


class Storage:
    """One object store. A put is whole or not there at all; every failure of the store itself is a TransientError."""

    def __init__(self, store: ObjectStore, folder: Path | None = None) -> None:
        self._store = store
        self._folder = folder
        self._unfinished = UnfinishedFiles(folder) if folder is not None else None

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        """Store the chunks in order under the key, in constant memory; replaces what was there.

        Nothing is stored when the iterable raises, and that exception comes through as it is.
        """
        failed: list[BaseException] = []

        def watched() -> Iterator[bytes]:
            try:
                yield from chunks
            except BaseException as error:
                failed.append(error)
                raise

        with _translated("put", failed):
            _call(_put_iterable, self._store, key, watched())
            self._make_durable(key)

    def put_bytes(self, key: str, content: bytes) -> None:
        """Store a small object whole; replaces what was there."""
        with _translated("put"):
            _call(obstore.put, self._store, key, content, use_multipart=False)
            self._make_durable(key)

    def get(self, key: str) -> bytes:
        """Return the whole object. Raises ObjectNotFound."""
        with _translated("get"):
            return bytes(_call(lambda: obstore.get(self._store, key).bytes()))

    @contextmanager
    def reading(self, keys: Iterable[str]) -> Iterator[list[Callable[[], bytes]]]:
        """For each key a call that does what `get` does; a store across a network is asked for several at a time."""
        if not isinstance(self._store, S3Store):  # a folder gives a small object sooner than a thread begins
            yield [partial(self.get, key) for key in keys]
            return
        with ThreadPoolExecutor(READS_IN_FLIGHT) as pool:
            yield [pool.submit(self.get, key).result for key in keys]

    def stream(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Open bytes `start` to `end` (exclusive) of the object and return its chunks. Raises ObjectNotFound at once."""
        if self._folder is not None:  # 100 MB cost 6 ms of processor time, through the store 200 ms
            with _translated("get"):
                return FilePart(self._folder / key, start, end)
        options: Any = (
            {} if start == 0 and end is None else {"range": {"offset": start} if end is None else (start, end)}
        )
        with _translated("get"):
            result = _call(obstore.get, self._store, key, options=options)

        def chunks() -> Iterator[bytes]:
            with _translated("get"):
                pieces = iter(result.stream(min_chunk_size=READ_CHUNK))
                while (piece := _call(next, pieces, None)) is not None:
                    yield bytes(piece)

        return chunks()

    def stat(self, key: str) -> ObjectStat:
        """Return key and size. Raises ObjectNotFound."""
        with _translated("stat"):
            return _stat(_call(obstore.head, self._store, key))

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """Every object whose key starts with the folder `prefix`, in no order."""
        with _translated("list"):
            pages = iter(obstore.list(self._store, prefix))
            while (page := _call(next, pages, None)) is not None:
                for meta in page:
                    yield _stat(meta)

    def delete(self, key: str) -> None:
        """Remove the object; no error when it is not there."""
        try:
            with _translated("delete"):
                _call(obstore.delete, self._store, key)
        except ObjectNotFound:
            pass

    def delete_folder(self, prefix: str) -> int:
        """Remove every object below the folder, and what is half-written there; returns how many objects.

        A put that is still under way there fails with a TransientError.
        """
        keys = [stat.key for stat in self.list(prefix)]
        for key in keys:
            self.delete(key)
        with _translated("delete"):
            for path in self._unfinished.below(prefix) if self._unfinished else ():
                path.unlink(missing_ok=True)
        return len(keys)

    def unfinished(self) -> Iterator[Path]:
        """In a folder, the files of puts that a dying process left half-way (`key#1`): no object, but taking room.

        S3 keeps such parts out of sight; a lifecycle rule of the bucket removes them.
        """
        if self._unfinished is not None:
            yield from self._unfinished.below()

    def sweep_unfinished(self, before: datetime, most: int) -> int:
        """Remove some of the same that were last written before then, looking at `most` files; returns how many."""
        with _translated("delete"):
            return self._unfinished.sweep(before.timestamp(), most) if self._unfinished else 0

    def check(self) -> None:
        """Raise TransientError unless the store answers."""
        try:
            self.stat("health")
        except ObjectNotFound:
            return

    def _make_durable(self, key: str) -> None:
        """In a folder, wait until file and name are on the disk: an answered upload has to survive a power cut."""
        if self._folder is None:
            return
        path = self._folder / key
        for target in (path, path.parent):
            descriptor = os.open(target, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


class FilePart(Iterator[bytes]):
    """Bytes of a file, a chunk at a time; it is open from the start, so what is deleted meanwhile is still sent whole."""

    def __init__(self, path: Path, start: int, end: int | None) -> None:
        self._file = os.open(path, os.O_RDONLY)
        self._close = weakref.finalize(self, os.close, self._file)  # also when nobody reads to the end
        self._at = start
        self._end = os.fstat(self._file).st_size if end is None else end

    def __next__(self) -> bytes:
        wanted = min(FILE_CHUNK, self._end - self._at)
        with _translated("get"):
            piece = os.pread(self._file, wanted, self._at) if wanted > 0 and self._close.alive else b""
        if not piece:
            self._close()
            raise StopIteration
        self._at += len(piece)
        return piece


def _stat(meta: "obstore.ObjectMeta") -> ObjectStat:
    return ObjectStat(meta["path"], meta["size"], meta["last_modified"])


def open_storage(url: str) -> Storage:
    """Return the store a STORAGE_URL names: file:///folder, s3://bucket/prefix (AWS_* variables apply) or memory://."""
    parts = urlsplit(url)
    if parts.scheme == "memory":
        return Storage(MemoryStore())
    if parts.scheme == "file":
        folder = Path(unquote(parts.path))
        return Storage(LocalStore(folder, mkdir=True), folder)
    return Storage(
        S3Store.from_url(
            url,
            client_options={
                "timeout": timedelta(hours=1),  # of a whole transfer: a slow client may take long to read a large file
                "read_timeout": timedelta(seconds=15),  # of one read; a store that hangs is noticed by this
                "connect_timeout": timedelta(seconds=3),
                "allow_http": os.environ.get("AWS_ALLOW_HTTP", "").lower() in ("1", "true"),
            },
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=20)},
        )
    )


def log_key(app_identifier: str, received: date, log_id: str, sha256: str) -> str:
    """logs/<app>/<yyyy>/<mm>/<dd>/<log_id>.<sha256>, by the day of arrival: other bytes are another object."""
    return f"logs/{checked(app_identifier)}/{received:%Y/%m/%d}/{checked(log_id)}.{checked(sha256)}"


def symbols_folder(app_identifier: str, identifier: str) -> str:
    """symbols/<app>/<identifier>, which holds an uploaded file and its caches."""
    return f"symbols/{checked(app_identifier)}/{checked(identifier)}"


def symbols_key(app_identifier: str, identifier: str, name: str) -> str:
    """symbols/<app>/<identifier>/<name>."""
    return f"{symbols_folder(app_identifier, identifier)}/{checked(name)}"


def job_folder(job_id: str) -> str:
    """jobs/<job_id>, which holds one folder per attempt."""
    return f"jobs/{checked(job_id)}"


def artefact_key(job_id: str, attempt: int, name: str) -> str:
    """jobs/<job_id>/<attempt>/<name>: no two attempts ever write the same object."""
    return f"{job_folder(job_id)}/{attempt}/{checked(name)}"


def index_key(list_key: str) -> str:
    """Beside a stored list, in the folder of its attempt: where its chunks begin."""
    return f"{list_key.rpartition('/')[0]}/chunks.json"


def checked(part: str) -> str:
    """The same text, if it is fit to be one part of a key; else ValueError, for callers check what clients name."""
    if not KEY_PART.fullmatch(part):
        raise ValueError("not fit to be a part of a storage key")
    return part


_writing = threading.local()


def _put_iterable(store: ObjectStore, key: str, chunks: Iterator[bytes]) -> None:
    _writing.is_on = True
    try:
        obstore.put(store, key, chunks, chunk_size=PART_SIZE, max_concurrency=PARTS_IN_FLIGHT)
    finally:
        _writing.is_on = False


def _call(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Call into obstore, which panics when the chunks it is reading call it on their thread: those use another one."""
    if not getattr(_writing, "is_on", False):
        return function(*args, **options)
    with ThreadPoolExecutor(max_workers=1) as helper:
        return helper.submit(function, *args, **options).result()


@contextmanager
def _translated(operation: str, raised_by_caller: list[BaseException] | None = None) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        if raised_by_caller:
            raise raised_by_caller[0] from None
        if raised_by_caller is not None:  # a put finds nothing missing: S3 has lost an upload that was being aborted
            metrics.store_errors.add(operation)
            raise TransientError("The storage is unavailable, try again") from error
        raise ObjectNotFound from error
    except (BaseError, OSError) as error:
        if raised_by_caller:
            raise raised_by_caller[0] from None
        metrics.store_errors.add(operation)
        raise TransientError("The storage is unavailable, try again") from error
