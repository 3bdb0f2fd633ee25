"""The worker's side of a job: claim an attempt, compute, publish or fail. With service and sweep all that changes Job.state."""

import time
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog

from app import metrics, tracing
from app.broker import LONG, RUN_JOB
from app.db.finishing import Finish
from app.db.job import Job, JobState, held_by, move
from app.db.job_steps import claim_next
from app.db.log import back_off
from app.db.short_list import Begun, claim_or_finish
from app.db.webhook_events import tell_job_failed
from app.errors import AppError, TransientError
from app.jobs import KINDS, SHORT_LIST
from app.jobs.attempt import IN_ROW_LIMIT, Attempt, AttemptLost
from app.jobs.endings import failed, is_final, is_trouble, publish, tell_finished
from app.jobs.files import discard
from app.jobs.kind import Plan
from app.jobs.outcomes import AttemptBroke, Strike, WorkerSilent, WorkerStopped
from app.jobs.parts import ring_next_long, spread
from app.observe import on_behalf_of
from app.services import Services
from app.storage import job_folder

GO_ON_FOR = 0.25  # seconds after which no further job begins: other queues wait for the worker too

log = structlog.get_logger()


def run(services: Services, job_id: str, queue: str | None = None) -> None:
    """Answer a ring: attempts at the jobs that are next in turn in a queue, of which the rung one need not be.

    Without `queue` it is the one where the rung job stands, which one that is made in parts has left.

    One long job, or short ones for a moment, as long as some wait: what it takes to hear a ring costs more than such a job.
    Safe to call twice, late, or for a job that is done: only one caller claims an attempt.
    """
    begun = time.monotonic()
    attempt_begun = begun
    while (next_one := _begin_next(services, job_id, queue)) is not None:
        job, finish = next_one
        queue = job.queue
        with on_behalf_of(job.request_id), tracing.now.working("attempt", job.request_id, job=job.id, kind=job.kind):
            is_lost = _run(services, job, finish)
        metrics.attempt_times.observe(time.monotonic() - attempt_begun, job.kind)
        if job.queue == LONG:  # rings for long work came to nothing while this one ran
            ring_next_long(services)
            return
        if is_lost or time.monotonic() - begun > GO_ON_FOR:  # it may be lost because this worker is about to end
            services.broker.ring(RUN_JOB, job_id, job.queue)
            return
        attempt_begun = time.monotonic()


def hand_back(services: Services) -> None:
    """Queue the attempts that this worker holds for another one, at once and without a strike: it is about to stop."""
    with services.db.read() as session:
        held = held_by(session, services.worker)
    for job in held:
        if end_attempt(services, job, WorkerStopped()):
            services.broker.ring(RUN_JOB, job.id, job.queue)


def _run(services: Services, job: Job, finish: Finish | None) -> bool:
    """Make the attempt, unless it has made its result already; True when the job was taken from it meanwhile."""
    log.info("job_started", job=job.id, kind=job.kind, attempt=job.attempt)
    if finish is not None:
        tell_finished(services, job, finish, services.now())
        return False
    kind = KINDS[job.kind]
    try:
        with Attempt(job, services, overtime=partial(end_attempt, services, job)) as attempt:
            made = kind.compute(kind.Params.model_validate_json(job.params), attempt)
        published = (
            spread(services, job, made, attempt.data_revision)
            if isinstance(made, Plan)
            else publish(services, job, made, *attempt.progress, attempt.data_revision)
        )
    except AttemptLost:
        published = False
    except AppError as error:
        end_attempt(services, job, error)
        return False
    except Exception as error:
        log.exception("job_broke", job=job.id, kind=job.kind, attempt=job.attempt, error=type(error).__name__)
        end_attempt(services, job, AttemptBroke())
        return False
    if not published:
        metrics.attempts.add(job.kind, "lost")
        _discard_if_lost(services, job)
        log.info("attempt_lost", job=job.id, kind=job.kind, attempt=job.attempt)
    return not published


def _begin_next(services: Services, rung: str, queue: str | None) -> Begun | None:
    """Begin an attempt at the job that is next in turn; None when there is none, or enough long ones run already."""
    now, config = services.now(), services.config
    values: dict[str, Any] = {
        "worker": services.worker,
        "lease_expires_at": now + timedelta(seconds=config.job_lease),
        "bounded": LONG,
        "at_once": config.long_jobs_at_once,
    }
    if SHORT_LIST is not None and services.db.is_postgresql and queue != LONG:
        until = now + timedelta(seconds=config.result_lifetime)
        values_of_list: dict[str, Any] = {"expires_at": until, "most": IN_ROW_LIMIT, "short": SHORT_LIST}
        try:
            return claim_or_finish(services.db, rung, queue, now, **values_of_list, **values)
        except TransientError:
            raise
        except Exception as error:  # the job is begun without the list that broke it, and fails by itself if it must
            log.exception("short_list_broke", error=type(error).__name__)
    job = claim_next(services.db, rung, queue, now, **values)
    return Begun(job, None) if job else None


def end_attempt(services: Services, job: Job, error: AppError, *, overdue_at: datetime | None = None) -> bool:
    """Queue the next attempt after a transient error, else end the job with its reason; False when the job has moved on.

    Dead workers and bugs are strikes, and a few of them end the job; trouble of database or storage ends it only when
    attempts have met it for as long as patience lasts; being handed back never does. With `overdue_at` it is done only
    if the lease had run out by then: a worker that has renewed it since keeps the job.
    """
    now = services.now()
    strikes = job.strikes + isinstance(error, Strike)
    trouble_since = (job.trouble_since or now) if is_trouble(error) else job.trouble_since
    if is_final(services, error, strikes, trouble_since, now):
        event = "job_failed"
        values = failed(error, job.attempt, now, forget_at=now + timedelta(seconds=services.config.tombstone_lifetime))
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
        if moved and event == "job_failed":
            tell_job_failed(session, job.id)
    if moved:
        _count(job, event, error)
        discard(services, f"{job_folder(job.id)}/{job.attempt}")
    else:
        event = "attempt_lost"
        _discard_if_lost(services, job)
    log.warning(event, job=job.id, kind=job.kind, attempt=job.attempt, code=error.code)
    return moved


def _count(job: Job, event: str, error: AppError) -> None:
    metrics.attempts.add(job.kind, "failed" if event == "job_failed" else "queued_again")
    if event == "job_failed":
        metrics.job_failures.add(job.kind, error.code)
    if isinstance(error, WorkerSilent):
        metrics.leases_lost.add("job")


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
