"""The rule of freshness (wire contract, section 3): does a job still answer a request that names no job?

It is also SQL, where a job is inserted: start_job.sql and, for SQLite, `app.db.hot.job_start`.
tests/integration/test_freshness.py holds the two together.
"""

from datetime import datetime, timedelta

from app.db.hot.job_start import Freshness
from app.db.models.job import JobState
from app.jobs.job_type import AnyJob

FRESH_FOR = timedelta(seconds=30)  # a finished result answers that long although newer occurrences have come
FAILURE_ANSWERS_FOR = timedelta(minutes=1)  # a failed job is not begun anew more often than this
NEARLY_EXPIRED = timedelta(minutes=5)  # what expires within this is made anew, so that its link is worth having


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
