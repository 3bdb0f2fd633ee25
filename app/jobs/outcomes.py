"""How asking for a job can end other than with its result: each ending has its own answer."""

from datetime import datetime

from app.db.job import Job, JobState
from app.errors import AppError, Gone, NotFound, TransientError


class CrashNotFound(NotFound):
    """The vendor's sentence, to the letter: the identifier is not put in."""

    code, message = "crash_not_found", "App Crash with identifier occurrences."


class CrashNotVisible(NotFound):
    """The vendor's sentence for another tenant's crash."""

    code, message = "crash_not_visible", "You have no access to this app crash"


class JobNotFound(NotFound):
    """Unknown, another question's or another user's job."""

    code, message = "job_not_found", "Job not found"


class JobCancelled(Gone):
    """Somebody cancelled it."""

    code, message = "job_cancelled", "The job was cancelled"


class JobExpired(Gone):
    """Its result has been deleted."""

    code, message = "job_expired", "The job's result has expired"


class JobFailed(AppError):
    """The failure kept in the job's row."""

    def __init__(self, job: Job) -> None:
        self.code = job.error_code or "job_failed"
        self.status = job.error_status or 500
        super().__init__(job.error_message)


class WorkerSilent(TransientError):
    """A worker no longer renews its lease: it died, hangs, or has lost the database."""

    code, message = "worker_silent", "Its worker died or was cut off"


class AttemptsUsedUp(AppError):
    """Every attempt met a failure that might have passed."""

    code, status = "attempts_used_up", 500


def answering(job: Job, now: datetime) -> Job:
    """The same job if it is live or its result can be had; else raises what became of it."""
    if job.state == JobState.FAILED:
        raise JobFailed(job)
    if job.state == JobState.CANCELLED:
        raise JobCancelled
    if job.state == JobState.EXPIRED or (job.expires_at is not None and job.expires_at <= now):
        raise JobExpired
    return job
