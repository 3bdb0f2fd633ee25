"""Jobs in parts: spread over the workers, each part claimed, made and published like a job, the whole completed once.

The row of the job owns the end: the worker that finishes the last part completes the job by one guarded update, and the sweep
does it when that worker dies before. Redis counts nothing.
"""

import hashlib
import time
from datetime import datetime, timedelta
from typing import Any

import structlog

from app.db import Session
from app.db.models.fair_share import serve
from app.db.models.job import LEASING as JOBS
from app.db.models.job import Job, NextJob, count_running, next_in_turn
from app.db.models.job_part import (
    LEASING,
    JobPart,
    JobPlan,
    PartState,
    drop_parts,
    freeze,
    is_undone,
    next_part,
    parts_of,
    parts_running,
    plan_of,
    show_progress,
)
from app.db.work import begin, change
from app.errors import AppError, TransientError
from app.jobs import JOB_TYPES
from app.jobs.attempt import (
    PartAttempt,
    budget_of,
    discard,
    discard_object,
    discard_others,
    fail,
    object_key,
    object_name,
    publish,
)
from app.jobs.job_type import Artefact, MadePart, Plan
from app.queueing.broker import LONG, PARTS, RUN_JOB, RUN_PART
from app.services import Services
from app.storage_keys import artefact_key, job_folder
from app.telemetry import metrics, tracing
from app.telemetry.log_lines import on_behalf_of
from app.work.ending import end, unwritten
from app.work.errors import AttemptLost
from app.work.work_type import Message, WorkType, lease_of

GO_ON_FOR = 0.5  # seconds after which no further part begins: other queues wait for the worker too

log = structlog.get_logger()


def spread(services: Services, job: Job, plan: Plan, data_revision: int | None) -> bool:
    """Freeze the plan that an attempt has made and enqueue its parts; False when the attempt is no longer the latest.

    Raises TypeError when the job's type does not declare how its parts are made.
    """
    if JOB_TYPES[job.kind].make_part is None:
        raise TypeError(f"Job type {job.kind} has made a plan, but declares no make_part and sum_up")
    total = sum(part["units"] for part in plan.parts)
    with services.db.write() as session:
        moved = change(session, JOBS, job, queue=PARTS, holder=None, lease_expires_at=None,
                     progress_done=0, progress_total=total, data_revision=data_revision)  # fmt: skip
        if moved:
            frozen = JobPlan(job_id=job.id, made_at=plan.made_at, last_row=plan.last_row)
            frozen.reports_revision = plan.reports_revision
            freeze(session, frozen, plan.parts)
    if not moved:
        return False
    metrics.attempts.add(job.kind, "spread")
    log.info("job_spread", job=job.id, kind=job.kind, attempt=job.attempt, parts=len(plan.parts))
    job.holder, job.data_revision = None, data_revision
    complete(services, job)  # there may be none to make
    for _ in range(min(len(plan.parts), services.config.long_jobs_at_once)):
        services.broker.enqueue(RUN_PART, job.id, LONG)
    return True


def run_part(services: Services) -> None:
    """Make an attempt at the next part, of any job, and at those after it for GO_ON_FOR. Safe to call at any time."""
    unwritten.write()
    begun = time.monotonic()
    while (claimed := _claim(services)) is not None:
        job, plan, part = claimed
        with on_behalf_of(job.request_id), tracing.now.working("part", job.request_id, job=job.id, kind=job.kind):
            is_done = _run(services, job, plan, part)
        following = _next_long(services)
        if following is None:
            return
        if following[0] != RUN_PART or not is_done or time.monotonic() - begun >= GO_ON_FOR:
            services.broker.enqueue(*following, LONG)
            return


def enqueue_next_long(services: Services) -> None:
    """Enqueue the next long work, a job or a part: its messages came to nothing while all were busy."""
    following = _next_long(services)
    if following is not None:
        services.broker.enqueue(*following, LONG)


def _next_long(services: Services) -> tuple[str, str] | None:
    """(task, job id) of the long work whose turn it is: a job or a part."""
    now = services.now()
    with services.db.read() as session:
        job, part = next_in_turn(session, LONG, now), next_part(session, now)
    if part is not None and (job is None or _comes_before(part, job)):
        return RUN_PART, part[1].id
    return None if job is None else (RUN_JOB, job.id)


def _comes_before(part: tuple[JobPart, Job, datetime | None], job: NextJob) -> bool:
    _, own, served_at = part
    if served_at is None or job.served_at is None:
        return (served_at is not None, own.created_at) < (job.served_at is not None, job.created_at)
    return (served_at, own.created_at) < (job.served_at, job.created_at)


def _free_places(services: Services) -> int:
    """How many parts may be begun now."""
    with services.db.read() as session:
        waits = next_part(session, services.now()) is not None
        return services.config.long_jobs_at_once - parts_running(session) if waits else 0


def _claim(services: Services) -> tuple[Job, JobPlan, JobPart] | None:
    now = services.now()
    with services.db.write() as session:
        if count_running(session, LONG) + parts_running(session) >= services.config.long_jobs_at_once:
            return None
        found = next_part(session, now)
        if found is None:
            return None
        part, job, _ = found
        plan = plan_of(session, job.id)
        assert plan is not None
        begin(session, LEASING, part, now, lease_of(services), services.new_holder())
        serve(session, job.app_id, now)
        return job, plan, part


def _run(services: Services, job: Job, plan: JobPlan, part: JobPart) -> bool:
    """Make the attempt; True when it has made its part."""
    log.info("part_started", job=job.id, part=part.number, attempt=part.attempt)
    job_type = JOB_TYPES[job.kind]
    assert job_type.make_part is not None
    try:
        with PartAttempt(services, WORK, part, job) as attempt, attempt.limited(part):
            params = job_type.Params.model_validate_json(job.params)
            made = job_type.make_part(params, plan, part, attempt, object_name(part))
        if _publish_part(services, part, made):
            metrics.parts.add("finished")
            log.info("part_finished", job=job.id, part=part.number, attempt=part.attempt, bytes=made.artefact.size)
            complete(services, job)
            return True
        _lose(services, job, part)
    except AttemptLost:
        _lose(services, job, part)
    except Exception as error:
        end(services, WORK, part, error)
    return False


def _publish_part(services: Services, part: JobPart, made: MadePart) -> bool:
    file = made.artefact
    with services.db.write() as session:
        published = change(
            session, LEASING, part, state=PartState.DONE, lease_expires_at=None, holder=None, done=made.read,
            rows=made.rows, unreadable=made.unreadable, size=file.size, sha256=file.sha256, key=file.key,
            filename=file.filename, media_type=file.media_type,
        )  # fmt: skip
        if published:
            show_progress(session, part.job_id)
    return published


def complete(services: Services, job: Job) -> None:
    """Publish the result once every part is done. Any number of workers may call it at once: all of them make the same bytes."""
    with services.db.read() as session:
        if is_undone(session, job.id):  # each part asks, so all of them are read by the last alone
            return
        plan, parts = plan_of(session, job.id), parts_of(session, job.id)
    if plan is None:
        return
    job_type = JOB_TYPES[job.kind]
    assert job_type.sum_up is not None
    content, filename, media_type = job_type.sum_up(job_type.Params.model_validate_json(job.params), plan, parts)
    key = artefact_key(job.id, job.attempt_name, "manifest.json")
    try:
        services.storage.put_bytes(key, content)
        total = sum(part.units for part in parts)
        sha256 = hashlib.sha256(content).hexdigest()
        artefact = Artefact(key, len(content), sha256, filename, media_type, None)
        if publish(services, job, artefact, total, total, job.data_revision) and any(
            part.attempt > 1 for part in parts
        ):
            kept = {key, *(part.key for part in parts)}
            discard_others(services, job, lambda found: found in kept)
    except TransientError as error:
        log.warning("completion_put_off", job=job.id, code=error.code)  # the sweep completes it


def forget_parts(services: Services, job_id: str) -> None:
    """Drop the parts of an ended job, whose files are gone."""
    with services.db.write() as session:
        drop_parts(session, job_id)


def _lose(services: Services, job: Job, part: JobPart) -> None:
    """Note that an attempt was another's by now, and remove what it has stored."""
    _discard_file(services, job, part)
    metrics.parts.add("lost")
    log.warning("part_lost", job=job.id, part=part.number, attempt=part.attempt)


def _discard_file(services: Services, job: Job, part: JobPart) -> None:
    """Remove what an attempt has stored, unless it has been published unconfirmed."""
    with services.db.read() as session:
        keys = {other.key for other in parts_of(session, job.id)}
    key = object_key(job, part)
    if key not in keys:
        discard_object(services, key)


def _job_of(services: Services, part: JobPart) -> Job | None:
    with services.db.read() as session:
        return session.get(Job, part.job_id)


def _give_up(services: Services, session: Session, part: JobPart, error: AppError, now: datetime) -> dict[str, Any]:
    """A part that comes to nothing ends its job."""
    fail(services, session, part.job_id, error, now)
    return {"state": PartState.WAITING, "done": 0}


def _ended(services: Services, part: JobPart, error: AppError, is_over: bool) -> None:
    job = _job_of(services, part)
    metrics.parts.add("ended")
    if job is None:
        return
    if not is_over:
        _discard_file(services, job, part)
        return
    metrics.job_failures.add(job.kind, error.code)
    discard(services, job_folder(job.id))
    forget_parts(services, job.id)
    log.warning("job_failed", job=job.id, kind=job.kind, attempt=job.attempt, part=part.number, code=error.code)


def _lost(services: Services, part: JobPart) -> None:
    job = _job_of(services, part)
    if job is not None:
        _discard_file(services, job, part)


WORK = WorkType(
    name="part",
    noun="job",
    leasing=LEASING,
    message=lambda part: Message(RUN_PART, part.job_id, LONG),
    budget=lambda services, part: budget_of(services, part.units),
    patience=lambda config: timedelta(seconds=config.job_patience),
    give_up=_give_up,
    ended=_ended,
    lost=_lost,
    swept_at_once=_free_places,
)
"""Failures, outages and patience count as they do for a whole job, for each part by itself."""
