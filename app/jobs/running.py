"""The worker's side of a job: claim an attempt, compute, publish or fail. With service and sweep all that changes Job.state."""

from datetime import datetime, timedelta
from typing import Any

import structlog

from app.db.job import Job, JobState, move
from app.errors import AppError, TransientError
from app.jobs import KINDS
from app.jobs.attempt import Attempt, AttemptLost
from app.jobs.kind import Artefact
from app.jobs.outcomes import AttemptsUsedUp
from app.observe import on_behalf_of
from app.services import Services
from app.storage import job_folder

RETRY_PAUSE = timedelta(seconds=2)  # before the next attempt after a transient failure; doubles with each

log = structlog.get_logger()


def run(services: Services, job_id: str) -> None:
    """Make one attempt at a queued job and publish its result. Safe to call twice: only one caller claims an attempt."""
    job = _claim(services, job_id)
    if job is not None:
        with on_behalf_of(job.request_id):
            _run(services, job)


def _run(services: Services, job: Job) -> None:
    log.info("job_started", job=job.id, kind=job.kind, attempt=job.attempt)
    kind = KINDS[job.kind]
    try:
        with Attempt(job, services) as attempt:
            artefact = kind.compute(kind.Params.model_validate_json(job.params), attempt)
        published = _publish(services, job, attempt, artefact)
    except AttemptLost:
        published = False
    except AppError as error:
        end_attempt(services, job, error)
        return
    except Exception as error:
        log.exception("job_broke", job=job.id, kind=job.kind, attempt=job.attempt, error=type(error).__name__)
        end_attempt(services, job, TransientError("The server failed to make this result"))
        return
    if published:
        log.info("job_finished", job=job.id, kind=job.kind, attempt=job.attempt, bytes=artefact.size)
    else:
        services.storage.delete_folder(f"{job_folder(job.id)}/{job.attempt}")
        log.info("attempt_lost", job=job.id, kind=job.kind, attempt=job.attempt)


def _claim(services: Services, job_id: str) -> Job | None:
    now = services.now()
    lease = timedelta(seconds=services.config.job_lease)
    with services.db.write() as session:
        claimed = move(
            session,
            job_id,
            (JobState.QUEUED,),
            None,
            state=JobState.RUNNING,
            attempt=Job.attempt + 1,
            started_at=now,
            lease_expires_at=now + lease,
            preview_key=None,
            progress_done=0,
        )
        return session.get(Job, job_id) if claimed else None


def _publish(services: Services, job: Job, attempt: Attempt, artefact: Artefact) -> bool:
    """Make the result visible; False when the attempt is no longer the job's latest."""
    now = services.now()
    done, total = attempt.progress
    with services.db.write() as session:
        return move(
            session,
            job.id,
            (JobState.RUNNING,),
            job.attempt,
            state=JobState.FINISHED,
            finished_at=now,
            expires_at=now + timedelta(seconds=services.config.result_lifetime),
            lease_expires_at=None,
            progress_done=done,
            progress_total=total,
            data_revision=attempt.data_revision,
            result_text=artefact.text,
            result_key=artefact.key,
            result_size=artefact.size,
            result_sha256=artefact.sha256,
            result_filename=artefact.filename,
            result_media_type=artefact.media_type,
        )


def end_attempt(services: Services, job: Job, error: AppError, *, overdue_at: datetime | None = None) -> bool:
    """Queue the next attempt after a transient error, else end the job with its reason; False when the job has moved on.

    With `overdue_at` only if the lease had run out by then: a worker that has renewed it since keeps the job.
    """
    is_final = not isinstance(error, TransientError) or job.attempt >= services.config.max_attempts
    with services.db.write() as session:
        values = _failed(services, job, error) if is_final else _queued_again(services, job, error, overdue_at)
        moved = move(
            session, job.id, (JobState.RUNNING,), job.attempt, overdue_at=overdue_at, preview_key=None, **values
        )
    if moved:
        services.storage.delete_folder(f"{job_folder(job.id)}/{job.attempt}")
    event = "attempt_lost" if not moved else "job_failed" if is_final else "job_queued_again"
    log.warning(event, job=job.id, kind=job.kind, attempt=job.attempt, code=error.code)
    return moved


def _queued_again(services: Services, job: Job, error: AppError, overdue_at: datetime | None) -> dict[str, Any]:
    back_off = services.now() + RETRY_PAUSE * 2 ** (job.attempt - 1)
    return {
        "state": JobState.QUEUED,
        "ring_after": overdue_at or back_off,  # what a silent worker held has waited for its lease already
        "rings": 0,
        "lease_expires_at": None,
        "error_code": error.code,
        "error_message": error.message,
    }


def _failed(services: Services, job: Job, error: AppError) -> dict[str, Any]:
    if isinstance(error, TransientError):
        error = AttemptsUsedUp(f"The job failed {job.attempt} times, last with: {error.message}")
    now = services.now()
    return {
        "state": JobState.FAILED,
        "finished_at": now,
        "expires_at": now + timedelta(seconds=services.config.tombstone_lifetime),
        "lease_expires_at": None,
        "error_code": error.code,
        "error_status": error.status,
        "error_message": error.message,
    }
