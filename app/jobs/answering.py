"""Does a job answer a request that names none? The rule of freshness, and the ways a request can end without a result."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from app.db import Session
from app.db.hot import poll
from app.db.hot.poll import Freshness
from app.db.models.job import Job, JobState, expire, lock_job_shared, remember_asker
from app.errors import AppError, Gone, TooManyRequests
from app.jobs.job_type import AnyJob
from app.queueing.broker import RUN_JOB, SHORT
from app.services import Services
from app.storage import ObjectNotFound

FRESH_FOR = timedelta(seconds=30)  # a finished result answers that long although newer occurrences have come
FAILURE_ANSWERS_FOR = timedelta(minutes=1)  # a failed job is not begun anew more often than this
NEARLY_EXPIRED = timedelta(minutes=5)  # what expires within this is made anew, so that its link is worth having
J = TypeVar("J", bound=AnyJob)
SEEN_TO = timedelta(minutes=1)  # how exactly it is recorded when a user last polled a live job
DURABLE_AFTER = timedelta(seconds=30)  # three times the longest pause of PostgreSQL's WAL writer that can be set

log = structlog.get_logger()


def still_answers(job: AnyJob, now: datetime, revision: int) -> bool:
    """True when no new job has to be started. `revision`: the data revision of a result that is true now."""
    if job.is_live:
        return True
    if job.finished_at is None:
        return False
    failed_after, fresh_after, expires_after, _ = freshness_at(now, revision)
    if job.state == JobState.FAILED:
        return job.finished_at > failed_after
    if job.state != JobState.FINISHED or job.expires_at is None:
        return False
    if job.finished_at > fresh_after:
        return job.expires_at > now
    return job.expires_at > expires_after and is_current(job, revision)


def freshness_at(now: datetime, revision: int) -> Freshness:
    """The rule in the words of the statement that inserts a job."""
    return Freshness(now - FAILURE_ANSWERS_FOR, now - FRESH_FOR, now + NEARLY_EXPIRED, revision)


def is_current(job: AnyJob, revision: int) -> bool:
    """True when a finished job's result is of that revision; one that has noted none shows what never changes."""
    return (job.data_revision or 0) == revision


def is_expired(job: AnyJob, now: datetime) -> bool:
    """True when a job's result can no longer be had."""
    return job.expires_at is not None and job.expires_at <= now


class JobCancelled(Gone):
    """Somebody cancelled it."""

    code, message = "job_cancelled", "The job was cancelled"


class JobExpired(Gone):
    """Its result has been deleted."""

    code, message = "job_expired", "The job's result has expired"


class ResultLost(Gone):
    """What was stored of it is gone or damaged. The job has expired by that, and the next request begins another."""

    code, message = "result_lost", "The job's stored result is lost or damaged; ask again for a new one"


class TooManyJobs(TooManyRequests):
    """A user waits for as many jobs as a user may."""

    code = "too_many_jobs"

    def __init__(self, message: str) -> None:
        super().__init__(message, retry_after=5)


class JobFailed(AppError):
    """The failure kept in the job's row."""

    def __init__(self, job: Job) -> None:
        self.code = job.error_code or "job_failed"
        self.status = job.error_status or 500
        super().__init__(job.error_message)


def answering(job: J, now: datetime) -> J:
    """The job, if it is live or its result can be had; else raises what became of it. A failed job has to be a row."""
    if job.state == JobState.FAILED:
        assert isinstance(job, Job)
        raise JobFailed(job)
    if job.state == JobState.CANCELLED:
        raise JobCancelled
    if job.state == JobState.EXPIRED or is_expired(job, now):
        raise JobExpired
    return job


def note_poll(services: Services, job: AnyJob, user_id: int, seen_at: datetime, now: datetime) -> None:
    """Record that a user still polls a live job, so that it does not count as abandoned."""
    if is_to_be_noted(job, seen_at, now):
        with services.db.write() as session:
            remember_asker(session, job.id, user_id, now)


def join(session: Session, job_id: str, user_id: int, now: datetime) -> Job | None:
    """Make a user one of a job's askers; None when it was cancelled or freed just now, before that took effect."""
    job = lock_job_shared(session, job_id)
    if job is None or job.state in (JobState.CANCELLED, JobState.EXPIRED):
        return None
    remember_asker(session, job_id, user_id, now)
    return job


def is_to_be_noted(job: AnyJob, seen_at: datetime, now: datetime) -> bool:
    """True when it has to be recorded that a user still polls a live job."""
    return job.is_live and now - seen_at > SEEN_TO


def is_live(services: Services, job: AnyJob) -> bool:
    """True while a job that was found for its user is not ended: a look that costs little."""
    return poll.is_live(services.db, job.id)


def wait_until_durable(services: Services, job: AnyJob) -> None:
    """Return when no crash of the database can lose a live job; to be called before its user is answered."""
    if services.now() - job.created_at < DURABLE_AFTER:
        services.db.wait_until_durable(job.id)


def answered(services: Services, job: AnyJob) -> None:
    """To be called when a request that waited for a short job is answered with its end."""
    services.broker.answered(RUN_JOB, job.id, SHORT)


@contextmanager
def lost_result_expires(services: Services, job: AnyJob) -> Iterator[None]:
    """For what opens the stored result of a finished job. Raises ResultLost where it is gone or damaged."""
    try:
        yield
    except ObjectNotFound as error:
        forget_at = services.now() + timedelta(seconds=services.config.tombstone_lifetime)
        with services.db.write() as session:
            is_first = expire(session, job.id, forget_at)
        if is_first:
            log.warning("result_lost", job=job.id, code=error.code)
        raise ResultLost from error
