"""How asking for a job can end other than with its result: each ending has its own answer."""

from datetime import datetime
from typing import TypeVar

from app.db.models.job import Job, JobState
from app.errors import AppError, Gone, NotFound, TooManyRequests
from app.jobs.freshness import is_expired
from app.jobs.job_type import AnyJob

J = TypeVar("J", bound=AnyJob)


class CrashNotFound(NotFound):
    """The vendor's sentence, to the letter: the identifier is not put in."""

    code, message = "crash_not_found", "App Crash with identifier occurrences."


class CrashNotVisible(NotFound):
    """The vendor's sentence for another tenant's crash."""

    code, message = "crash_not_visible", "You have no access to this app crash"


class AppNotFound(NotFound):
    """Unknown, or another tenant's: the same answer."""

    code, message = "app_not_found", "App not found"


class JobNotFound(NotFound):
    """Unknown, another request's or another user's job."""

    code, message = "job_not_found", "Job not found"


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
