"""The worker's side of a job: claim an attempt, compute, publish or fail. With service and sweep all that changes Job.state."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog

from app.broker import LONG, RUN_JOB
from app.db.job import Job, JobState, held_by, move, next_in_turn
from app.db.job_steps import claim_next, finish_job
from app.db.log import back_off
from app.errors import AppError, TransientError
from app.jobs import KINDS
from app.jobs.attempt import Attempt, AttemptLost
from app.jobs.files import discard
from app.jobs.kind import Artefact
from app.jobs.outcomes import AttemptBroke, AttemptsUsedUp, Strike, WorkerSilent, WorkerStopped
from app.observe import on_behalf_of
from app.services import Services
from app.storage import job_folder

log = structlog.get_logger()


def run(services: Services, job_id: str) -> None:
    """Answer a ring: one attempt at the job that is next in turn where the rung one waits, which need not be that one.

    Safe to call twice, late, or for a job that is done: only one caller claims an attempt.
    """
    job = _claim_next(services, job_id)
    if job is None:
        return
    with on_behalf_of(job.request_id):
        _run(services, job)
    if job.queue == LONG:  # rings for long jobs came to nothing while this one ran
        with services.db.read() as session:
            waiting = next_in_turn(session, LONG, services.now())
        if waiting is not None:
            services.broker.ring(RUN_JOB, waiting, LONG)


def hand_back(services: Services) -> None:
    """Queue the attempts that this worker holds for another one, at once and without a strike: it is about to stop."""
    with services.db.read() as session:
        held = held_by(session, services.worker)
    for job in held:
        if end_attempt(services, job, WorkerStopped()):
            services.broker.ring(RUN_JOB, job.id, job.queue)


def _run(services: Services, job: Job) -> None:
    log.info("job_started", job=job.id, kind=job.kind, attempt=job.attempt)
    kind = KINDS[job.kind]
    try:
        with Attempt(job, services, overtime=partial(end_attempt, services, job)) as attempt:
            artefact = kind.compute(kind.Params.model_validate_json(job.params), attempt)
        published = _publish(services, job, attempt, artefact)
    except AttemptLost:
        published = False
    except AppError as error:
        end_attempt(services, job, error)
        return
    except Exception as error:
        log.exception("job_broke", job=job.id, kind=job.kind, attempt=job.attempt, error=type(error).__name__)
        end_attempt(services, job, AttemptBroke())
        return
    if published:
        log.info("job_finished", job=job.id, kind=job.kind, attempt=job.attempt, bytes=artefact.size)
    else:
        _discard_if_lost(services, job)
        log.info("attempt_lost", job=job.id, kind=job.kind, attempt=job.attempt)


def _claim_next(services: Services, rung: str) -> Job | None:
    """Begin an attempt at the job that is next in turn; None when there is none, or enough long ones run already."""
    now = services.now()
    return claim_next(
        services.db,
        rung,
        now,
        worker=services.worker,
        lease_expires_at=now + timedelta(seconds=services.config.job_lease),
        bounded=LONG,
        at_once=services.config.long_jobs_at_once,
    )


def _publish(services: Services, job: Job, attempt: Attempt, artefact: Artefact) -> bool:
    """Make the result visible; False when the attempt is no longer the job's latest."""
    now = services.now()
    done, total = attempt.progress
    return finish_job(
        services.db,
        job.id,
        job.attempt,
        finished_at=now,
        expires_at=now + timedelta(seconds=services.config.result_lifetime),
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

    Dead workers and bugs are strikes, and a few of them end the job; trouble of database or storage ends it only when
    attempts have met it for as long as patience lasts; being handed back never does. With `overdue_at` it is done only
    if the lease had run out by then: a worker that has renewed it since keeps the job.
    """
    now = services.now()
    strikes = job.strikes + isinstance(error, Strike)
    trouble_since = (job.trouble_since or now) if _is_trouble(error) else job.trouble_since
    if _is_final(services, error, strikes, trouble_since, now):
        event = "job_failed"
        values = _failed(error, job.attempt, now, forget_at=now + timedelta(seconds=services.config.tombstone_lifetime))
    else:
        event = "job_queued_again"
        at_once = isinstance(error, (WorkerSilent, WorkerStopped))
        values = _queued_again(error, strikes, now if at_once else now + back_off(job.attempt))
    with services.db.write() as session:
        moved = move(
            session,
            job.id,
            (JobState.RUNNING,),
            job.attempt,
            overdue_at=overdue_at,
            trouble_since=trouble_since,
            **values,
        )
    if moved:
        discard(services, f"{job_folder(job.id)}/{job.attempt}")
    else:
        event = "attempt_lost"
        _discard_if_lost(services, job)
    log.warning(event, job=job.id, kind=job.kind, attempt=job.attempt, code=error.code)
    return moved


def _is_trouble(error: AppError) -> bool:
    """True for what the database or the storage did, not the job nor its worker."""
    return isinstance(error, TransientError) and not isinstance(error, (Strike, WorkerStopped))


def _is_final(services: Services, error: AppError, strikes: int, trouble_since: datetime | None, now: datetime) -> bool:
    if isinstance(error, Strike):
        return strikes >= services.config.max_attempts
    if _is_trouble(error) and trouble_since is not None:
        return now - trouble_since > timedelta(seconds=services.config.job_patience)
    return not isinstance(error, TransientError)


def _discard_if_lost(services: Services, job: Job) -> None:
    """Delete an attempt's files unless it is still the job's: it may go on elsewhere, or have published unheard."""
    with services.db.read() as session:
        row = session.get(Job, job.id)
    own = row is not None and row.attempt == job.attempt and row.state in (JobState.RUNNING, JobState.FINISHED)
    if not own:
        discard(services, f"{job_folder(job.id)}/{job.attempt}")


def _queued_again(error: AppError, strikes: int, not_before: datetime) -> dict[str, Any]:
    return {
        "state": JobState.QUEUED,
        "strikes": strikes,
        "not_before": not_before,
        "ring_after": not_before,
        "rings": 0,
        "holder": None,
        "lease_expires_at": None,
        "preview_key": None,
        "error_code": error.code,
        "error_message": error.message,
    }


def _failed(error: AppError, attempts: int, now: datetime, forget_at: datetime) -> dict[str, Any]:
    if isinstance(error, TransientError):
        error = AttemptsUsedUp(f"The job failed after {attempts} attempts, the last with: {error.message}")
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
