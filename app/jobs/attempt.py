"""One attempt at a job: holds its lease, counts its progress and stores its result; ends when it is no longer wanted."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, TypeVar

from app.db.models.job import Job
from app.db.work import Leased, change
from app.jobs.job_type import Artefact
from app.services import Services
from app.storage import artefact_key
from app.work.errors import AttemptLost
from app.work.lease import Lease
from app.work.limits import Budget
from app.work.work_type import WorkType

PROGRESS_EVERY = 0.5  # seconds between renewals at most: progress is this fresh and a cancel takes effect this fast
SECONDS_PER_UNIT = 100e-6  # of progress, by which an attempt may run longer: a list of 100 million rows is no runaway
IN_ROW_LIMIT = 64 * 1024  # bytes; a result up to this size lies in its row alone, so that a poll reads nothing else

R = TypeVar("R", bound=Leased)


def budget_of(services: Services, units: int) -> Budget:
    """What an attempt may take for so many units of progress. Its thread's time bounds its processor time as well."""
    return Budget(seconds=services.config.job_time_limit + units * SECONDS_PER_UNIT)


class JobAttempt(Lease[R]):
    """What a job type's `compute` works with: the lease of a row, its progress, and where its result is stored."""

    def __init__(self, services: Services, work: WorkType[R], row: R, job: Job) -> None:
        super().__init__(services, work, [row])
        self.db = services.db
        self.storage = services.storage
        self.now = services.now
        self.app_id = job.app_id
        self.pause = min(PROGRESS_EVERY, self.pause)
        self.data_revision: int | None = None
        self._job = job
        self._done = 0
        self._total = job.progress_total

    @property
    def crash_id(self) -> int:
        """The crash that the job is about; there has to be one."""
        assert self._job.crash_id is not None
        return self._job.crash_id

    @property
    def progress(self) -> tuple[int, int]:
        """(done, total) in the unit of the job type."""
        return self._done, max(self._total, self._done)

    def expect(self, total: int) -> None:
        """Say how many units of progress there will be: the more, the longer it may take."""
        self.extend(max(total - self._total, 0) * SECONDS_PER_UNIT)
        self._total = total

    def advance(self, units: int) -> None:
        """Count progress. Raises AttemptLost."""
        self._done += units
        self.check()

    def shows(self, revision: int) -> None:
        """Say which revision of the crash the result shows at least."""
        self.data_revision = revision

    def preview(self, content: bytes) -> None:
        """Store what is known so far and tell pollers where it lies."""
        key = artefact_key(self._job.id, self._job.attempt, "preview.json")
        self.storage.put_bytes(key, content)
        with self.db.write() as session:
            if not change(session, self.work.leasing, self.rows[0], preview_key=key, **self.along()):
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
        key = artefact_key(self._job.id, self._job.attempt, name)
        digest, size = hashlib.sha256(), 0

        def measured() -> Iterator[bytes]:
            nonlocal size
            for chunk in chain((bytes(head),) if head else (), rest):
                digest.update(chunk)
                size += len(chunk)
                yield chunk

        self.storage.put(key, measured())
        return Artefact(key, size, digest.hexdigest(), filename, media_type, None)

    def along(self) -> Mapping[str, Any]:
        """The progress."""
        return {"progress_done": self._done, "progress_total": self._total}
