"""One attempt at a job or at a part of one: holds the lease, counts progress, stores the result, and ends."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, TypeVar

import structlog

from app.db import Session
from app.db.hot.job_claim import Finish, finish_job
from app.db.models.job import Job, JobState, move
from app.db.models.job_part import JobPart, show_progress
from app.db.queries.webhook_events import tell_job_failed
from app.db.work import Leased, change
from app.errors import AppError, TransientError
from app.jobs.job_type import Artefact
from app.queueing.broker import PUSH, UPKEEP
from app.services import Services
from app.storage_keys import artefact_key, attempt_folder, job_folder
from app.telemetry import metrics
from app.work.errors import AttemptLost
from app.work.lease import Lease
from app.work.limits import Budget
from app.work.work_type import WorkType

PROGRESS_EVERY = 0.5  # seconds between renewals at most: progress is this fresh and a cancel takes effect this fast
SECONDS_PER_UNIT = 100e-6  # of progress, by which an attempt may run longer: a list of 100 million rows is no runaway
IN_ROW_LIMIT = 64 * 1024  # bytes; a result up to this size lies in its row alone, so that a poll reads nothing else

R = TypeVar("R", bound=Leased)

log = structlog.get_logger()


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
        self.speed = services.config.speed
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
        key = artefact_key(self._job.id, self._job.attempt_name, "preview.json")
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
        key = artefact_key(self._job.id, self._job.attempt_name, name)
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


def object_name(part: JobPart) -> str:
    """The name of what this attempt stores: no two attempts ever write the same object."""
    return f"part-{part.number:05d}-{part.attempt_name}"


def object_key(job: Job, part: JobPart) -> str:
    """Where it lies."""
    return artefact_key(job.id, job.attempt_name, object_name(part))


class PartAttempt(JobAttempt[JobPart]):
    """Renews the lease of its part, and ends when the part or the job is no longer its to make."""

    def __init__(self, services: Services, work: WorkType[JobPart], part: JobPart, job: Job) -> None:
        super().__init__(services, work, part, job)
        self._part = part
        self._total = part.units

    def along(self) -> Mapping[str, Any]:
        """The part's own progress."""
        return {"done": min(self._done, self._part.units)}

    def renewed(self, session: Session) -> None:
        """Count the part's progress in its job's row."""
        show_progress(session, self._part.job_id)


def publish(services: Services, job: Job, artefact: Artefact, done: int, total: int, data_revision: int | None) -> bool:
    """Make the result visible; False when the job is another claim's by now."""
    now = services.now()
    finish = finish_job(
        services.db,
        job.id,
        job.attempt,
        job.holder,
        finished_at=now,
        expires_at=now + timedelta(seconds=services.config.result_lifetime),
        progress_done=done,
        progress_total=total,
        data_revision=data_revision,
        result_text=artefact.text,
        result_key=artefact.key,
        result_size=artefact.size,
        result_sha256=artefact.sha256,
        result_filename=artefact.filename,
        result_media_type=artefact.media_type,
    )
    if finish is not None:
        tell_finished(services, job, finish, now)
        if job.attempt > 1:
            own = f"{attempt_folder(job.id, job.attempt_name)}/"
            discard_others(services, job, lambda key: key.startswith(own))
    return finish is not None


def tell_finished(services: Services, job: Job, finish: Finish, now: datetime) -> None:
    """Count a job that has finished, log it, and enqueue the deliveries to its webhooks."""
    metrics.attempts.add(job.kind, "finished")
    metrics.job_times.observe((now - job.created_at).total_seconds(), job.kind)
    log.info("job_finished", job=job.id, kind=job.kind, attempt=job.attempt, bytes=finish.size)
    if finish.notified:
        services.broker.enqueue(PUSH, job.id, UPKEEP)


def failed(error: AppError, now: datetime, forget_at: datetime) -> dict[str, Any]:
    """The columns of a job that has failed."""
    return {
        "state": JobState.FAILED,
        "finished_at": now,
        "expires_at": forget_at,
        "lease_expires_at": None,
        "preview_key": None,
        "error_code": error.code,
        "error_status": error.status,
        "error_message": error.message,
    }


def fail(services: Services, session: Session, job_id: str, error: AppError, now: datetime) -> bool:
    """Let a running job fail, and write the deliveries to webhooks along with it; False when it has ended already."""
    forget_at = now + timedelta(seconds=services.config.tombstone_lifetime)
    moved = move(session, job_id, (JobState.RUNNING,), **failed(error, now, forget_at))
    if moved:
        tell_job_failed(session, job_id)
    return moved


def discard(services: Services, folder: str) -> bool:
    """Delete all that is below the folder, half-written files too; False when the storage is away: a later sweep
    has to do it.
    """
    try:
        services.storage.delete_folder(folder)
    except TransientError:
        log.warning("files_left", folder=folder)
        return False
    return True


def discard_others(services: Services, job: Job, is_kept: Callable[[str], bool]) -> None:
    """Delete what else lies in a finished job's folder: the store may have completed the last write of a process that died
    after the files of its attempt were deleted.
    """
    try:
        others = [stat.key for stat in services.storage.list(job_folder(job.id)) if not is_kept(stat.key)]
    except TransientError:
        log.warning("files_left", folder=job_folder(job.id))
        return
    for key in others:
        discard_object(services, key)


def discard_object(services: Services, key: str) -> None:
    """Delete one object; what the storage does not let go is found by `crashq doctor`."""
    try:
        services.storage.delete(key)
    except TransientError:
        log.warning("files_left", key=key)
