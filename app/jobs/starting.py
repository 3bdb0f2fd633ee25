"""Begins a job: its row is inserted and committed, then its task message is sent. Whether to begin is decided elsewhere."""

from datetime import datetime
from functools import partial
from typing import Any

import structlog

from app.db.hot.job_start import find_or_start, start_job
from app.db.hot.poll import FoundJob, PollResult
from app.db.models.job import Job, JobState, new_job_id
from app.db.work import enqueue_pause
from app.jobs import JOB_TYPES
from app.jobs.freshness import freshness_at
from app.jobs.job_type import AnyJob, Subject
from app.jobs.request import JobRequest
from app.queueing.broker import LONG, RUN_JOB, SHORT
from app.services import Services
from app.telemetry import metrics
from app.telemetry.log_lines import current_request_id

LONG_FROM = 20_000  # units of progress; a job of more goes to the long queue

log = structlog.get_logger()


def insert(
    services: Services,
    user_id: int,
    request: JobRequest,
    about: Subject,
    *,
    async_commit: bool = False,
    is_retry: bool = False,
) -> Job | None:
    """Begin a job for a member's request; returns it, queued. Raises NotFound when what is asked for is not there.

    None, and nothing has changed, when a job of the same key still answers, when another one was begun meanwhile, or when
    the user waits for as many jobs as a user may. `is_retry`: a failure answers nothing. `async_commit`: PostgreSQL's disk
    may not have the job yet; `waiting_requests.wait_until_durable` is to be called before the user is answered.
    """
    now = services.now()
    total = JOB_TYPES[request.job_type].expect(services.db, about, request.params)
    queue = LONG if total > LONG_FROM else SHORT
    job = Job(**_new(request, now), app_id=about.app_id, crash_id=about.id, queue=queue, progress_total=total)
    freshness = freshness_at(now, JOB_TYPES[request.job_type].current_revision(about))
    if is_retry:
        freshness = freshness._replace(failed_after=now)
    if not start_job(services.db, job, user_id, services.config.live_jobs_per_user, freshness):
        return None
    _announce(services, job, user_id, async_commit=async_commit)
    return job


def find_or_insert(
    services: Services, token_hash: str, identifier: str, request: JobRequest, *, async_commit: bool = False
) -> PollResult | None:
    """The shortcut of a first request: what `poll.find_poll` finds or, if there never was a job, a new one, by one statement.

    For job types that count their crash's occurrences. None unless a member asks, or on SQLite. `async_commit`: see
    `insert`.
    """
    now = services.now()
    new = _new(request, now)
    found = find_or_start(
        services.db,
        token_hash,
        identifier,
        most=services.config.live_jobs_per_user,
        long_from=LONG_FROM,
        **new,
    )
    if found is None or not found.is_begun:
        return found and found.poll
    job = FoundJob(new["id"], request.job_type, 0, JobState.QUEUED, now, 0, found.poll.crash.occurrences_count)
    _announce(services, job, found.poll.user_id, async_commit=async_commit)
    return found.poll._replace(seen_at=now, job=job)


def is_short(job: AnyJob) -> bool:
    """True for a job that may end within a brief wait."""
    return job.progress_total <= LONG_FROM


def _new(request: JobRequest, now: datetime) -> dict[str, Any]:
    """The columns of a new job that do not depend on what it is about."""
    return {
        "id": new_job_id(),
        "kind": request.job_type,
        "key": request.key,
        "params": request.params.model_dump_json(),
        "state": JobState.QUEUED,
        "request_id": current_request_id(),
        "created_at": now,
        "attempt": 0,
        "failures": 0,
        "enqueue_after": now + enqueue_pause(0),
        "enqueued": 0,
        "progress_done": 0,
    }


def _announce(services: Services, job: AnyJob, user_id: int, *, async_commit: bool) -> None:
    """Send the task message of a new job and, unless `async_commit`, wait until its row is durable, for its user's answer."""
    enqueue = partial(_enqueue, services, job, user_id)
    if async_commit:
        enqueue()
    else:  # the worker can begin while the request waits for the row
        services.db.wait_until_durable(job.id, meanwhile=enqueue)


def _enqueue(services: Services, job: AnyJob, user_id: int) -> None:
    if is_short(job):
        services.broker.enqueue_debounced(RUN_JOB, job.id, SHORT)
    else:
        services.broker.enqueue(RUN_JOB, job.id, LONG)
    metrics.jobs_started.add(job.kind)
    log.info("job_queued", job=job.id, kind=job.kind, user=user_id)
