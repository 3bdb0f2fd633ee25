"""One attempt at a job: holds its lease, counts its progress and stores its result; ends when it is no longer wanted."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import chain
from types import TracebackType
from typing import Any

import structlog

from app.db.job import Job, JobState, move
from app.errors import AppError, TransientError
from app.jobs.heart import Heart
from app.jobs.kind import Artefact
from app.services import Services
from app.storage import artefact_key

BEAT_EVERY = 0.5  # seconds between renewals at most: progress is this fresh and a cancel takes effect this fast
IN_ROW_LIMIT = 64 * 1024  # bytes; a result up to this size lies in its row alone, so that a poll reads nothing else

log = structlog.get_logger()

_heart = Heart()


class AttemptLost(Exception):
    """The job was cancelled, has run for too long, or its lease ran out and it went to another worker."""


class TookTooLong(AppError):
    """The attempt ran longer than an attempt may."""

    code, status = "took_too_long", 500


class Attempt:
    """What a kind's `compute` works with. Use it as a context manager: inside, the process's heart renews the lease.

    It also calls `overtime` once the attempt has run for too long, for its work may hang where nothing can
    interrupt it. Work that keeps even the heart's thread from running loses its lease instead.
    """

    def __init__(self, job: Job, services: Services, overtime: Callable[[AppError], object]) -> None:
        self.db = services.db
        self.storage = services.storage
        self.now = services.now
        self.app_id = job.app_id
        self._job = job
        self.data_revision: int | None = None
        self._job_id = job.id
        self._number = job.attempt
        self._services = services
        self._lease = timedelta(seconds=services.config.job_lease)
        self._deadline = time.monotonic() + services.config.job_time_limit
        self._overtime = overtime
        self._done = 0
        self._total = job.progress_total
        self.pause = min(BEAT_EVERY, self._lease.total_seconds() / 3)
        self._lost = threading.Event()
        self._beating = threading.Lock()
        self._is_over = False

    def __enter__(self) -> "Attempt":
        _heart.watch(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _heart.release(self)
        with self._beating:  # nothing of it writes to the row after this
            self._is_over = True

    @property
    def crash_id(self) -> int:
        """The crash that the job is about; there has to be one."""
        assert self._job.crash_id is not None
        return self._job.crash_id

    @property
    def progress(self) -> tuple[int, int]:
        """(done, total) in the kind's unit."""
        return self._done, max(self._total, self._done)

    def expect(self, total: int) -> None:
        """Say how many units of progress there will be."""
        self._total = total

    def advance(self, units: int) -> None:
        """Count progress. Raises AttemptLost."""
        self._done += units
        if self._lost.is_set():
            raise AttemptLost

    def shows(self, revision: int) -> None:
        """Say which revision of the crash the result shows at least."""
        self.data_revision = revision

    def preview(self, content: bytes) -> None:
        """Store what is known so far and tell pollers where it lies."""
        key = artefact_key(self._job_id, self._number, "preview.json")
        self.storage.put_bytes(key, content)
        if not self._move(preview_key=key, progress_done=self._done, progress_total=self._total):
            raise AttemptLost

    def store(
        self, name: str, chunks: Iterable[bytes], filename: str, media_type: str, *, in_row: bool = False
    ) -> Artefact:
        """Stream the chunks into the storage under this attempt's own key; with `in_row` small text goes to the row."""
        rest, head = iter(chunks), bytearray()
        for chunk in rest if in_row else ():
            head += chunk
            if len(head) > IN_ROW_LIMIT:
                break
        else:
            if in_row:
                sha256 = hashlib.sha256(head).hexdigest()
                return Artefact(None, len(head), sha256, filename, media_type, head.decode())
        key = artefact_key(self._job_id, self._number, name)
        digest, size = hashlib.sha256(), 0

        def measured() -> Iterator[bytes]:
            nonlocal size
            for chunk in chain((bytes(head),) if head else (), rest):
                digest.update(chunk)
                size += len(chunk)
                yield chunk

        self.storage.put(key, measured())
        return Artefact(key, size, digest.hexdigest(), filename, media_type, None)

    def beat(self) -> None:
        """Renew the lease and show the progress; for the heart to call."""
        with self._beating:
            if self._is_over:
                return
            try:
                self._is_over = not self._renew()
            except TransientError:
                log.warning("lease_not_renewed", job=self._job_id, attempt=self._number)
            except Exception:  # the heart must go on: an unrenewed lease costs the attempt, silence hides why
                log.exception("lease_not_renewed", job=self._job_id, attempt=self._number)
            if self._is_over:
                self._lost.set()

    def _renew(self) -> bool:
        """False when the attempt has to end."""
        if time.monotonic() > self._deadline:
            limit = self._services.config.job_time_limit
            self._overtime(TookTooLong(f"The job took longer than {limit} seconds"))
            return False
        renewed = self._services.now() + self._lease
        return self._move(lease_expires_at=renewed, progress_done=self._done, progress_total=self._total)

    def _move(self, **values: Any) -> bool:
        with self._services.db.write() as session:
            return move(session, self._job_id, (JobState.RUNNING,), self._number, **values)
