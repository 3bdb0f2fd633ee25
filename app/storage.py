"""Bytes by key, in a folder, in S3 or in memory: with store_calls.py the only module that knows obstore."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import obstore
from obstore.store import LocalStore, MemoryStore, ObjectStore, S3Store

from app.errors import TransientError
from app.storage_keys import sha256_in
from app.store_calls import (
    UNAVAILABLE,
    FilePart,
    call,
    check_content,
    check_size,
    make_durable,
    put_iterable,
    translated,
)
from app.store_calls import ObjectDamaged as ObjectDamaged  # callers know both as the store's
from app.store_calls import ObjectNotFound as ObjectNotFound
from app.telemetry import metrics
from app.unfinished_files import UnfinishedFiles

READ_CHUNK = 256 * 1024  # bytes; what one streamed answer holds at a time
PART_SIZE = 5 * 1024 * 1024  # bytes; the smallest part S3 takes
PARTS_IN_FLIGHT = 2  # so one writer holds at most about 15 MiB, whatever it writes
READS_IN_FLIGHT = 8  # small objects asked for at the same time
MARKER = "crashq-store"  # the object by which a store is known to be there; `set_up` writes it
MARKER_TEXT = b"This marks the object store of a crashq service: without this object, the store counts as not there.\n"
PROBE = "crashq-probe"  # the object that is written to see whether the store takes writes; it stays


class ObjectStat(NamedTuple):
    """What is known of a stored object without reading it."""

    key: str
    size: int  # bytes
    modified: datetime  # UTC


class Storage:
    """One object store. A put is whole or not there at all; every failure of the store itself is a TransientError.

    A marked store without its marker is not there, as a folder whose mount is gone or a bucket that was deleted: nothing is
    written into it, and what it lacks is not taken for lost.
    """

    def __init__(self, store: ObjectStore | None, folder: Path | None = None, *, is_marked: bool = False) -> None:
        """`store` is None for a folder that need not be there yet."""
        self._opened = store
        self._folder = folder
        self._unfinished = UnfinishedFiles(folder) if folder is not None else None
        self._is_marked = is_marked
        self._was_there = False  # seen by this process

    @property
    def _store(self) -> ObjectStore:
        if self._opened is None:
            assert self._folder is not None
            self._opened = LocalStore(self._folder)
        return self._opened

    def set_up(self) -> None:
        """Make the folder and write the marker, so that objects can be put; again, it changes nothing."""
        if not self._is_marked:
            return
        with translated("put"):
            if self._folder is not None:
                self._folder.mkdir(parents=True, exist_ok=True)
            call(obstore.put, self._store, MARKER, MARKER_TEXT, use_multipart=False)
            if self._folder is not None:
                make_durable(self._folder / MARKER)

    def is_set_up(self) -> bool:
        """True when the marker is there, or none is needed."""
        return not self._is_marked or self.holds(MARKER)

    def holds(self, key: str) -> bool:
        """True when there is such an object, also in a store without its marker."""
        try:
            with translated("stat"):
                if self._folder is not None:
                    (self._folder / key).stat()
                else:
                    call(obstore.head, self._store, key)
        except ObjectNotFound:
            return False
        return True

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        """Store the chunks in order under the key, in constant memory; replaces what was there.

        Nothing is stored when the iterable raises, and that exception comes through as it is.
        """
        self._require_for_change()
        failed: list[BaseException] = []

        def watched() -> Iterator[bytes]:
            try:
                yield from chunks
            except BaseException as error:
                failed.append(error)
                raise

        with translated("put", failed):
            call(put_iterable, self._store, key, watched(), PART_SIZE, PARTS_IN_FLIGHT)
            if self._folder is not None:
                make_durable(self._folder / key)

    def put_bytes(self, key: str, content: bytes) -> None:
        """Store a small object whole; replaces what was there."""
        self._require_for_change()
        with translated("put"):
            call(obstore.put, self._store, key, content, use_multipart=False)
            if self._folder is not None:
                make_durable(self._folder / key)

    def get(self, key: str, size: int | None = None) -> bytes:
        """Return the whole object. Raises ObjectNotFound, and ObjectDamaged unless it has the `size` that its row says.

        With a `size`, the bytes of a log are held against the SHA-256 in its key, too.
        """
        with self._looking("get"):
            if self._folder is not None:  # past the store, as in `stream`
                content = (self._folder / key).read_bytes()
            else:
                content = bytes(call(lambda: obstore.get(self._store, key).bytes()))
            check_content(content, size, sha256_in(key))
            return content

    @contextmanager
    def reading(self, objects: Iterable[tuple[str, int | None]]) -> Iterator[list[Callable[[], bytes]]]:
        """For each key and size a call that does what `get` does; a store across a network is asked for several at a time."""
        if not isinstance(self._opened, S3Store):  # a folder gives a small object sooner than a thread begins
            yield [partial(self.get, *one) for one in objects]
            return
        with ThreadPoolExecutor(READS_IN_FLIGHT) as pool:
            yield [pool.submit(self.get, *one).result for one in objects]

    def stream(self, key: str, start: int = 0, end: int | None = None, *, size: int | None = None) -> Iterator[bytes]:
        """Open bytes `start` to `end` (exclusive) of the object and return its chunks. Raises at once what `get` does."""
        if self._folder is not None:  # 100 MB cost 6 ms of processor time, through the store 200 ms
            with self._looking("get"):
                return FilePart(self._folder / key, start, end, size)
        wanted: Any = {"offset": start} if end is None else (start, end)
        options: Any = {} if start == 0 and end is None else {"range": wanted}
        with self._looking("get"):
            result = call(obstore.get, self._store, key, options=options)
            check_size(result.meta["size"], size)

        def chunks() -> Iterator[bytes]:
            with translated("get"):
                pieces = iter(result.stream(min_chunk_size=READ_CHUNK))
                while (piece := call(next, pieces, None)) is not None:
                    yield bytes(piece)

        return chunks()

    def stat(self, key: str) -> ObjectStat:
        """Return key and size. Raises ObjectNotFound."""
        with self._looking("stat"):
            return _stat(call(obstore.head, self._store, key))

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """Every object whose key starts with the folder `prefix`, in no order."""
        is_empty = True
        with self._looking("list"):
            pages = iter(obstore.list(self._store, prefix))
            while (page := call(next, pages, None)) is not None:
                for meta in page:
                    is_empty = False
                    if meta["path"] not in (MARKER, PROBE):
                        yield _stat(meta)
        if is_empty:
            self._require()

    def delete(self, key: str) -> None:
        """Remove the object; no error when it is not there."""
        self._require_for_change()
        with suppress(ObjectNotFound), self._looking("delete"):
            call(obstore.delete, self._store, key)

    def delete_folder(self, prefix: str) -> int:
        """Remove every object below the folder, and what is half-written there; returns how many objects.

        A put that is still under way there fails with a TransientError.
        """
        keys = [stat.key for stat in self.list(prefix)]
        for key in keys:
            self.delete(key)
        with translated("delete"):
            for path in self._unfinished.below(prefix) if self._unfinished else ():
                path.unlink(missing_ok=True)
        return len(keys)

    def unfinished(self) -> Iterator[Path]:
        """In a folder, the files of puts that a dying process left half-way (`key#1`): no object, but taking room.

        S3 keeps such parts out of sight; a lifecycle rule of the bucket removes them.
        """
        if self._unfinished is not None:
            self._require()
            yield from self._unfinished.below()

    def sweep_unfinished(self, before: datetime, most: int) -> int:
        """Remove some of the same that were last written before then, looking at `most` files; returns how many."""
        with translated("delete"):
            return self._unfinished.sweep(before.timestamp(), most) if self._unfinished else 0

    def check(self) -> None:
        """Raise TransientError unless the store answers and is the one that was set up."""
        with suppress(ObjectNotFound):
            self.stat(MARKER)

    @contextmanager
    def _looking(self, operation: str) -> Iterator[None]:
        """For what may find nothing: ObjectNotFound only where the store itself is there."""
        try:
            with translated(operation):
                yield
        except ObjectNotFound:
            self._require()
            raise

    def _require(self) -> None:
        """Raise TransientError unless the store is there."""
        if not self.is_set_up():
            metrics.store_errors.add("stat")
            raise TransientError(UNAVAILABLE)
        self._was_there = True

    def _require_for_change(self) -> None:
        """The same before a put, which makes a folder anew. A bucket that is gone refuses it: that is looked at once."""
        if self._folder is not None or not self._was_there:
            self._require()


def _stat(meta: "obstore.ObjectMeta") -> ObjectStat:
    return ObjectStat(meta["path"], meta["size"], meta["last_modified"])


def open_storage(url: str, *, is_marked: bool = True) -> Storage:
    """Return the store a STORAGE_URL names: file:///folder, s3://bucket/prefix (AWS_* variables apply) or memory://.

    The service's own store is marked: `set_up` has to be called once, and nothing else makes its folder. A folder that is
    not marked, where copies are delivered to, is made here.
    """
    parts = urlsplit(url)
    if parts.scheme == "memory":
        return Storage(MemoryStore())
    if parts.scheme == "file":
        folder = Path(unquote(parts.path))
        return Storage(None if is_marked else LocalStore(folder, mkdir=True), folder, is_marked=is_marked)
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
        ),
        is_marked=is_marked,
    )
