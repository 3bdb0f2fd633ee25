"""How a question gets a job: one that answers it already, one that is joined, or a new one."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from pydantic import BaseModel
from sqlalchemy.orm import Session

from app import metrics
from app.broker import LONG, RUN_JOB, SHORT
from app.db.asking import find_or_start, start_job
from app.db.job import Job, JobState, count_live_of, latest_job, new_job_id, remember_asker, stay
from app.db.log import ring_pause
from app.db.poll import FoundJob, Poll
from app.errors import TransientError
from app.jobs import KINDS
from app.jobs.kind import AnyJob, Subject
from app.jobs.outcomes import TooManyJobs, answering
from app.observe import current_request_id
from app.services import Services

FRESH_FOR = timedelta(seconds=30)  # a finished result answers that long although newer occurrences have come
FAILURE_ANSWERS_FOR = timedelta(minutes=1)  # a failed job is not begun anew more often than this
NEARLY_EXPIRED = timedelta(minutes=5)  # what expires within this is made anew, so that its link is worth having
LONG_FROM = 20_000  # units of progress; a job of more goes to the long queue

log = structlog.get_logger()


def still_answers(job: AnyJob, about: Subject, now: datetime) -> bool:
    """The wire contract's freshness rule for a request without a job_id (section 3)."""
    if job.is_live:
        return True
    if job.state == JobState.FAILED:
        return job.finished_at is not None and now - job.finished_at < FAILURE_ANSWERS_FOR
    if job.state != JobState.FINISHED or job.expires_at is None or job.finished_at is None:
        return False
    if now - job.finished_at < FRESH_FOR:
        return job.expires_at > now
    return job.expires_at - now > NEARLY_EXPIRED and KINDS[job.kind].is_fresh(job, about)


def join(session: Session, job_id: str, user_id: int, now: datetime) -> Job | None:
    """Make a user one of a job's askers; None when it was cancelled or freed a moment ago, before that took effect."""
    job = stay(session, job_id)
    if job is None or job.state in (JobState.CANCELLED, JobState.EXPIRED):
        return None
    remember_asker(session, job_id, user_id, now)
    return job


def count_shared(job: Job) -> None:
    """Count a question that needed no job of its own."""
    metrics.questions_shared.add(job.kind, "joining" if job.is_live else "answer")


def find_or_begin(
    services: Services,
    token_hash: str,
    identifier: str,
    kind: str,
    key: str,
    asked: BaseModel,
    *,
    at_ease: bool = False,
) -> Poll | None:
    """What is found for a question about a crash, as by `poll.find_poll`; where nothing is, its job is begun by the same trip.

    For kinds that count their crash's occurrences. None unless a member asks, or on SQLite. `at_ease`: see `start_or_join`.
    """
    now = services.now()
    new = _new(kind, key, asked, now)
    most = services.config.live_jobs_per_user
    found = find_or_start(
        services.db, token_hash, identifier, most=most, fresh_from=now - FRESH_FOR, long_from=LONG_FROM, **new
    )
    if found is None or not found.is_begun:
        return found and found.poll
    user, _, crash, _ = found.poll
    job = FoundJob(new["id"], kind, 0, JobState.QUEUED, now, 0, crash.occurrences_count)
    _announce(services, job, user, at_ease=at_ease)
    return found.poll._replace(seen_at=now, job=job)


def start_or_join(
    services: Services, user_id: int, kind: str, key: str, asked: BaseModel, crash: Subject, *, at_ease: bool = False
) -> Job:
    """Begin a job for a member's question, or join the live one of the same key. Raises NotFound or TooManyJobs.

    `at_ease`: it may be that PostgreSQL's disk has not got the job yet; `polling.settle` is to be called before it is told.
    """
    now = services.now()
    total = KINDS[kind].expect(services.db, crash, asked)
    new = _new(kind, key, asked, now)
    job = Job(**new, app_id=crash.app_id, crash_id=crash.id, queue=_queue_of(total), progress_total=total)
    most = services.config.live_jobs_per_user
    if start_job(services.db, job, user_id, most, now - FRESH_FOR):
        _announce(services, job, user_id, at_ease=at_ease)
        return job
    with services.db.write() as session:
        found = latest_job(session, key, user_id)
        answers = found is not None and still_answers(found[0], crash, now)  # it may have ended since
        joined = join(session, found[0].id, user_id, now) if found and answers else None
        waits_for = count_live_of(session, user_id)
    if joined is not None:
        count_shared(joined)
        return answering(joined, now)
    if waits_for >= most:
        raise TooManyJobs(f"You wait for {waits_for} jobs already; ask again when one has ended")
    raise TransientError  # a live job of the same key was there, and has ended since without an answer


def _new(kind: str, key: str, asked: BaseModel, now: datetime) -> dict[str, Any]:
    """The columns of a new job that do not depend on what it is about."""
    return {
        "id": new_job_id(),
        "kind": kind,
        "key": key,
        "params": asked.model_dump_json(),
        "state": JobState.QUEUED,
        "request_id": current_request_id(),
        "created_at": now,
        "attempt": 0,
        "strikes": 0,
        "ring_after": now + ring_pause(0),
        "rings": 0,
        "progress_done": 0,
    }


def _queue_of(total: int) -> str:
    return LONG if total > LONG_FROM else SHORT


def _announce(services: Services, job: AnyJob, user_id: int, *, at_ease: bool) -> None:
    """Ring for a job that has been begun and, unless `at_ease`, wait until its user may be told of it."""
    tell = partial(_ring_for, services, job, user_id)
    if at_ease:
        tell()
    else:  # the worker can begin, and who asks has the row to wait for
        services.db.settle(job.id, meanwhile=tell)


def _ring_for(services: Services, job: AnyJob, user_id: int) -> None:
    queue = _queue_of(job.progress_total)
    ring = services.broker.ring_soon if queue == SHORT else services.broker.ring
    ring(RUN_JOB, job.id, queue)
    metrics.jobs_started.add(job.kind)
    log.info("job_queued", job=job.id, kind=job.kind, user=user_id)
