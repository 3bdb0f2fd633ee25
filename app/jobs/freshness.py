"""The rule of freshness (wire contract, section 3): does a job still answer a request that names no job?

A part of it is also SQL, `answered` in `app.db.asking`, where a job is inserted. tests/integration/test_freshness.py
holds the two together.
"""

from datetime import datetime, timedelta

from app.db.job import JobState
from app.jobs.kind import AnyJob

FRESH_FOR = timedelta(seconds=30)  # a finished result answers that long although newer occurrences have come
FAILURE_ANSWERS_FOR = timedelta(minutes=1)  # a failed job is not begun anew more often than this
NEARLY_EXPIRED = timedelta(minutes=5)  # what expires within this is made anew, so that its link is worth having


def still_answers(job: AnyJob, now: datetime, *, is_current: bool) -> bool:
    """True when no new job has to be started. `is_current`: the job's data has not changed since it was read."""
    if job.is_live:
        return True
    if job.state == JobState.FAILED:
        return job.finished_at is not None and now - job.finished_at < FAILURE_ANSWERS_FOR
    if job.state != JobState.FINISHED or job.expires_at is None or job.finished_at is None:
        return False
    if now - job.finished_at < FRESH_FOR:
        return job.expires_at > now
    return job.expires_at - now > NEARLY_EXPIRED and is_current


def is_expired(job: AnyJob, now: datetime) -> bool:
    """True when a job's result can no longer be had."""
    return job.expires_at is not None and job.expires_at <= now
