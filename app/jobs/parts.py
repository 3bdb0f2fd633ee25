"""Jobs in parts: spread over the workers, each part claimed, made and published like a job, the whole completed once.

The row of the job owns the end: whoever finishes the last part completes the job by one guarded update, and the sweep
does it when that worker dies before. Redis counts nothing.
"""

import hashlib
from datetime import datetime, timedelta
from functools import partial

import structlog

from app import metrics, tracing
from app.broker import LONG, PARTS, RUN_JOB, RUN_PART
from app.db.job import Job, JobState, Waiting, count_running, move, next_in_turn
from app.db.job_part import (
    JobPart,
    JobPlan,
    PartState,
    drop_parts,
    freeze,
    move_part,
    next_part,
    parts_held_by,
    parts_of,
    parts_running,
    plan_of,
    show_progress,
)
from app.db.log import back_off
from app.db.turn import serve
from app.db.webhook_events import tell_job_failed
from app.errors import AppError, TransientError
from app.jobs import KINDS
from app.jobs.attempt import AttemptLost
from app.jobs.endings import failed, is_final, is_trouble, publish
from app.jobs.files import discard, discard_object
from app.jobs.kind import Artefact, MadePart, Plan
from app.jobs.outcomes import AttemptBroke, Strike, WorkerSilent, WorkerStopped
from app.jobs.part_attempt import PartAttempt, object_key, object_name
from app.observe import on_behalf_of
from app.services import Services
from app.storage import artefact_key, job_folder

log = structlog.get_logger()

LOST = "attempt_lost"


def spread(services: Services, job: Job, plan: Plan, data_revision: int | None) -> bool:
    """Freeze the plan that an attempt has made and ring for its parts; False when the attempt is no longer the latest."""
    total = sum(part["units"] for part in plan.parts)
    with services.db.write() as session:
        moved = move(session, job.id, (JobState.RUNNING,), job.attempt, queue=PARTS, holder=None, lease_expires_at=None,
                     progress_done=0, progress_total=total, data_revision=data_revision)  # fmt: skip
        if moved:
            frozen = JobPlan(job_id=job.id, made_at=plan.made_at, last_row=plan.last_row)
            frozen.reports_revision = plan.reports_revision
            freeze(session, frozen, plan.parts)
    if not moved:
        return False
    metrics.attempts.add(job.kind, "spread")
    log.info("job_spread", job=job.id, kind=job.kind, attempt=job.attempt, parts=len(plan.parts))
    job.data_revision = data_revision
    complete(services, job)  # there may be none to make
    for _ in range(min(len(plan.parts), services.config.long_jobs_at_once)):
        services.broker.ring(RUN_PART, job.id, LONG)
    return True


def run_part(services: Services) -> None:
    """Answer a ring: one attempt at the part that is next in turn, of whatever job. Safe to call at any time."""
    claimed = _claim(services)
    if claimed is None:
        return
    job, plan, part = claimed
    with on_behalf_of(job.request_id), tracing.now.working("part", job.request_id, job=job.id, kind=job.kind):
        _run(services, job, plan, part)
    ring_next_long(services)


def ring_next_long(services: Services) -> None:
    """Ring for the long work that is next in turn, a job or a part: rings for it came to nothing while all were busy."""
    now = services.now()
    with services.db.read() as session:
        job, part = next_in_turn(session, LONG, now), next_part(session, now)
    if part is not None and (job is None or _comes_before(part, job)):
        services.broker.ring(RUN_PART, part[1].id, LONG)
    elif job is not None:
        services.broker.ring(RUN_JOB, job.id, LONG)


def _comes_before(part: tuple[JobPart, Job, datetime | None], job: Waiting) -> bool:
    _, own, served_at = part
    if served_at is None or job.served_at is None:
        return (served_at is not None, own.created_at) < (job.served_at is not None, job.created_at)
    return (served_at, own.created_at) < (job.served_at, job.created_at)


def ring_for_parts(services: Services, at_most: int) -> int:
    """Ring as often as parts may be begun now; returns how often. For the sweep, which makes up for lost rings."""
    now = services.now()
    with services.db.read() as session:
        waiting = next_part(session, now)
        free = services.config.long_jobs_at_once - parts_running(session) if waiting else 0
    for _ in range(min(free, at_most)):
        assert waiting is not None
        services.broker.ring(RUN_PART, waiting[1].id, LONG)
    return max(free, 0)


def hand_back_parts(services: Services) -> None:
    """Let others make the parts that this worker holds, at once and without a strike: it is about to stop."""
    with services.db.read() as session:
        held = parts_held_by(session, services.worker)
    for part, job in held:
        if end_part(services, job, part, WorkerStopped()):
            services.broker.ring(RUN_PART, job.id, LONG)


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
        part.state, part.attempt, part.holder, part.done = PartState.RUNNING, part.attempt + 1, services.worker, 0
        part.lease_expires_at = now + timedelta(seconds=services.config.job_lease)
        serve(session, job.app_id, now)
        session.flush()
        return job, plan, part


def _run(services: Services, job: Job, plan: JobPlan, part: JobPart) -> None:
    log.info("part_started", job=job.id, part=part.number, attempt=part.attempt)
    kind = KINDS[job.kind]
    try:
        with PartAttempt(job, part, services, overtime=partial(end_part, services, job, part)) as attempt:
            params = kind.Params.model_validate_json(job.params)
            made = kind.make_part(params, plan, part, attempt, object_name(part))
        if _publish_part(services, part, made):
            metrics.parts.add("finished")
            log.info("part_finished", job=job.id, part=part.number, attempt=part.attempt, bytes=made.artefact.size)
            complete(services, job)
        else:
            _lose(services, job, part)
    except AttemptLost:
        _lose(services, job, part)
    except AppError as error:
        end_part(services, job, part, error)
    except Exception as error:
        log.exception("part_broke", job=job.id, part=part.number, attempt=part.attempt, error=type(error).__name__)
        end_part(services, job, part, AttemptBroke())


def _publish_part(services: Services, part: JobPart, made: MadePart) -> bool:
    file = made.artefact
    with services.db.write() as session:
        published = move_part(
            session, part, PartState.RUNNING, state=PartState.DONE, lease_expires_at=None, holder=None, done=part.units,
            rows=made.rows, unreadable=made.unreadable, size=file.size, sha256=file.sha256, key=file.key,
            filename=file.filename, media_type=file.media_type,
        )  # fmt: skip
        if published:
            show_progress(session, part.job_id)
    return published


def complete(services: Services, job: Job) -> None:
    """Publish the result once every part is done. Whoever calls it, and how many at once: it is the same bytes."""
    with services.db.read() as session:
        plan, parts = plan_of(session, job.id), parts_of(session, job.id)
    if plan is None or any(part.state != PartState.DONE for part in parts):
        return
    kind = KINDS[job.kind]
    content, filename, media_type = kind.sum_up(kind.Params.model_validate_json(job.params), plan, parts)
    key = artefact_key(job.id, job.attempt, "manifest.json")
    try:
        services.storage.put_bytes(key, content)
        total = sum(part.units for part in parts)
        sha256 = hashlib.sha256(content).hexdigest()
        artefact = Artefact(key, len(content), sha256, filename, media_type, None)
        publish(services, job, artefact, total, total, job.data_revision)
    except TransientError as error:
        log.warning("completion_put_off", job=job.id, code=error.code)  # the sweep completes it


def end_part(
    services: Services, job: Job, part: JobPart, error: AppError, *, overdue_at: datetime | None = None
) -> bool:
    """Let another attempt be made at a part after a transient error, else end its job; False when it has moved on.

    Strikes, trouble and patience count as they do for a whole job, for each part by itself.
    """
    now = services.now()
    strikes = part.strikes + isinstance(error, Strike)
    trouble_since = (part.trouble_since or now) if is_trouble(error) else part.trouble_since
    is_end = is_final(services, error, strikes, trouble_since, now)
    at_once = isinstance(error, (WorkerSilent, WorkerStopped))
    values = {"state": PartState.WAITING, "strikes": strikes, "trouble_since": trouble_since, "holder": None,
              "lease_expires_at": None, "done": 0, "not_before": now if at_once else now + back_off(part.attempt)}  # fmt: skip
    with services.db.write() as session:
        moved = move_part(session, part, PartState.RUNNING, overdue_at=overdue_at, **values)
        if moved and is_end:
            forget_at = now + timedelta(seconds=services.config.tombstone_lifetime)
            ended = failed(error, part.attempt, now, forget_at=forget_at)
            if move(session, job.id, (JobState.RUNNING,), job.attempt, **ended):
                tell_job_failed(session, job.id)
    if moved:
        metrics.parts.add("ended")
        if isinstance(error, WorkerSilent):
            metrics.leases_lost.add("part")
    if moved and is_end:
        metrics.job_failures.add(job.kind, error.code)
        discard(services, job_folder(job.id))
        forget_parts(services, job.id)
        log.warning("job_failed", job=job.id, kind=job.kind, attempt=job.attempt, part=part.number, code=error.code)
    else:
        _lose(services, job, part, code=error.code)
    return moved


def forget_parts(services: Services, job_id: str) -> None:
    """Drop the parts of an ended job, whose files are gone."""
    with services.db.write() as session:
        drop_parts(session, job_id)


def _lose(services: Services, job: Job, part: JobPart, code: str = LOST) -> None:
    """Remove what a lost attempt has stored, unless it has been published unheard."""
    with services.db.read() as session:
        keys = {other.key for other in parts_of(session, job.id)}
    key = object_key(job, part)
    if key not in keys:
        discard_object(services, key)
    if code == LOST:
        metrics.parts.add("lost")
    log.warning("part_lost", job=job.id, part=part.number, attempt=part.attempt, code=code)
