"""The worker's side of a job: claim an attempt, compute, publish or fail. With service and sweep all that changes Job.state."""

import time
from datetime import datetime, timedelta
from typing import Any

import structlog

from app.db import Session
from app.db.hot.job_claim import Finish, claim_next
from app.db.hot.short_list import ClaimedOrFinished
from app.db.models.job import LEASING, Job, JobState
from app.errors import AppError
from app.jobs import JOB_TYPES, SHORT_LIST
from app.jobs.attempt import JobAttempt, budget_of, discard, fail, publish, tell_finished
from app.jobs.job_type import Plan
from app.jobs.lists_at_claim import claim_or_finish
from app.jobs.parts import enqueue_next_long, spread
from app.queueing.broker import LONG, RUN_JOB
from app.services import Services
from app.storage_keys import attempt_folder
from app.telemetry import metrics, tracing
from app.telemetry.log_lines import on_behalf_of
from app.work.ending import end, unwritten
from app.work.errors import AttemptLost
from app.work.work_type import Message, WorkType

GO_ON_FOR = 0.25  # seconds after which no further job begins: other queues wait for the worker too

log = structlog.get_logger()


def run(services: Services, job_id: str, queue: str | None = None) -> None:
    """Make attempts at the next jobs of a queue. The one that the task message names need not be among them.

    Without `queue` it is that of the named job, which a job that is made in parts has left.

    It makes one long job, or short ones for GO_ON_FOR while some wait: to receive a message costs more than a short job.
    Safe to call twice, late, or for a job that is done: only one caller claims an attempt.
    """
    unwritten.write()
    begun = time.monotonic()
    attempt_begun = begun
    while (next_one := _begin_next(services, job_id, queue)) is not None:
        job, finish = next_one
        queue = job.queue
        with on_behalf_of(job.request_id), tracing.now.working("attempt", job.request_id, job=job.id, kind=job.kind):
            is_lost = _run(services, job, finish)
        metrics.attempt_times.observe(time.monotonic() - attempt_begun, job.kind)
        if job.queue == LONG:  # messages for long work came to nothing while this one ran
            enqueue_next_long(services)
            return
        if is_lost or time.monotonic() - begun > GO_ON_FOR:  # it may be lost because this worker is about to end
            services.broker.enqueue(RUN_JOB, job_id, job.queue)
            return
        attempt_begun = time.monotonic()


def _run(services: Services, job: Job, finish: Finish | None) -> bool:
    """Make the attempt, unless it has made its result already; True when the job was taken from it meanwhile."""
    log.info("job_started", job=job.id, kind=job.kind, attempt=job.attempt)
    if finish is not None:
        tell_finished(services, job, finish, services.now())
        return False
    job_type = JOB_TYPES[job.kind]
    try:
        with JobAttempt(services, WORK, job, job) as attempt, attempt.limited(job):
            made = job_type.compute(job_type.Params.model_validate_json(job.params), attempt)
        published = (
            spread(services, job, made, attempt.data_revision)
            if isinstance(made, Plan)
            else publish(services, job, made, *attempt.progress, attempt.data_revision)
        )
    except AttemptLost:
        published = False
    except Exception as error:
        end(services, WORK, job, error)
        return False
    if not published:
        metrics.attempts.add(job.kind, "lost")
        _discard_if_lost(services, job)
        log.info("attempt_lost", job=job.id, kind=job.kind, attempt=job.attempt)
    return not published


def _begin_next(services: Services, job_of_message: str, queue: str | None) -> ClaimedOrFinished | None:
    """Begin an attempt at the next job; None when there is none, or enough long ones run already."""
    now, config = services.now(), services.config
    values: dict[str, Any] = {
        "worker": services.new_holder(),
        "lease_expires_at": now + timedelta(seconds=config.job_lease),
        "bounded": LONG,
        "at_once": config.long_jobs_at_once,
    }
    if SHORT_LIST and config.speed.lists_at_claim and services.db.is_postgresql and queue != LONG:
        return claim_or_finish(services, SHORT_LIST, job_of_message, queue, now, values)
    job = claim_next(services.db, job_of_message, queue, now, **values)
    return ClaimedOrFinished(job) if job else None


def _discard_if_lost(services: Services, job: Job) -> None:
    """Delete an attempt's files unless it is still the job's: it may go on elsewhere, or have published unconfirmed."""
    folder = attempt_folder(job.id, job.attempt_name)
    with services.db.read() as session:
        row = session.get(Job, job.id)
    goes_on = row is not None and row.state == JobState.RUNNING and row.attempt_name == job.attempt_name
    is_published = row is not None and row.result_key is not None and row.result_key.startswith(f"{folder}/")
    if not (goes_on or is_published):
        discard(services, folder)


def _give_up(services: Services, session: Session, job: Job, error: AppError, now: datetime) -> dict[str, Any]:
    fail(services, session, job.id, error, now)
    return {}


def _again(_job: Job, error: AppError) -> dict[str, Any]:
    return {"preview_key": None, "error_code": error.code, "error_message": error.message}


def _ended(services: Services, job: Job, error: AppError, is_over: bool) -> None:
    metrics.attempts.add(job.kind, "failed" if is_over else "queued_again")
    if is_over:
        metrics.job_failures.add(job.kind, error.code)
    discard(services, attempt_folder(job.id, job.attempt_name))
    event = "job_failed" if is_over else "job_queued_again"
    log.warning(event, job=job.id, kind=job.kind, attempt=job.attempt, code=error.code)


WORK = WorkType(
    name="job",
    noun="job",
    leasing=LEASING,
    message=lambda job: Message(RUN_JOB, job.id, job.queue),
    budget=lambda services, job: budget_of(services, job.progress_total),
    patience=lambda config: timedelta(seconds=config.job_patience),
    again=_again,
    give_up=_give_up,
    ended=_ended,
    lost=_discard_if_lost,
)
"""Claimed by `run`, several job types by one statement, and made by the type's `compute`."""
