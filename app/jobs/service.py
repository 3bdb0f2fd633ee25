"""Which job answers a request? Submitting and polling are the same request, and `_answer` is the one place that decides.

`ask` is the plain way: find, then answer, with a new job where none answers. `ask_at_once` is its shortcut for polls,
which can be left out.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, NamedTuple

import structlog

from app.db.hot.poll import FoundJob, PollResult, find_or_start, find_poll, start_job
from app.db.models.job import Job, JobState, count_live_of, latest_job, new_job_id
from app.db.work import enqueue_pause
from app.errors import AppError, Conflict, TransientError
from app.jobs import JOB_TYPES
from app.jobs.access import CRASH_IDENTIFIER, JOB_ID, JobNotFound, find_subject, own_job, subject_of
from app.jobs.answering import TooManyJobs, answering, freshness_at, is_to_be_noted, join, note_poll, still_answers
from app.jobs.job_type import AnyJob, JobRequest, Subject, key_of
from app.queueing.broker import LONG, RUN_JOB, SHORT
from app.services import Services
from app.telemetry import metrics
from app.telemetry.log_lines import current_request_id

LOOKS = 3  # times that a request tries to begin or to join a job, when others begin and cancel it meanwhile
LONG_FROM = 20_000  # units of progress; a job of more goes to the long queue

log = structlog.get_logger()


def read_request(job_type: str, identifier: str, query: Mapping[str, str]) -> JobRequest:
    """The request that a client makes; `job_id` of its query names a job. Raises BadParameters."""
    params = JOB_TYPES[job_type].read(identifier, {name: value for name, value in query.items() if name != "job_id"})
    return JobRequest(job_type, params, key_of(job_type, params), query.get("job_id") or None)


class FoundSubject(NamedTuple):
    """What the database says about a request of a user who may make it."""

    user_id: int
    about: Subject
    job: AnyJob | None = None  # the one that is named, else the live or the newest one of the same key
    seen_at: datetime | None = None  # when this user was last seen to ask for the job, if ever


def ask(services: Services, user_id: int, job_type: str, identifier: str, query: Mapping[str, str]) -> AnyJob:
    """Start, join or find the job that answers a request; returns it, live or finished.

    `identifier` is that of the crash or the app that it is about; `query` is the request's, whose `job_id` asks for that
    very job. Raises NotFound, BadParameters, Gone, JobFailed or TooManyJobs.
    """
    with services.db.read() as session:
        about = find_subject(session, user_id, JOB_TYPES[job_type], identifier)
        request = read_request(job_type, identifier, query)
        if request.job_id:
            found = FoundSubject(user_id, about, *own_job(session, user_id, request.job_id, request.key))
        else:
            found = FoundSubject(user_id, about, *(latest_job(session, request.key, user_id) or ()))
    return _answer(services, request, found)


def ask_at_once(
    services: Services,
    token_hash: str,
    job_type: str,
    identifier: str,
    query: Mapping[str, str],
    *,
    may_be_new: bool = False,
    async_commit: bool = False,
) -> tuple[int, AnyJob] | None:
    """The shortcut of `ask`: one statement finds the user, the subject and the job. Returns (user id, job).

    None when it takes `ask` to answer, or to tell the error. `may_be_new`: there may be no job yet, so where possible
    that statement begins it. `async_commit`: see `insert`.
    """
    job_id = query.get("job_id")
    if not CRASH_IDENTIFIER.fullmatch(identifier) or (job_id and not JOB_ID.fullmatch(job_id)):
        return None
    try:
        request = _read_again(job_type, identifier, tuple(query.items()))
        found = None
        if may_be_new and not request.job_id and JOB_TYPES[job_type].counts_occurrences:
            found = find_or_insert(services, token_hash, identifier, request, async_commit=async_commit)
        found = found or find_poll(services.db, token_hash, services.now(), identifier, request.key, request.job_id)
    except AppError:
        return None
    if found is None or (request.job_id and found.seen_at is None):
        return None
    if found.job is not None and found.job.state == JobState.FAILED:  # its reason was not read
        return None
    subject = FoundSubject(found.user_id, found.crash, found.job, found.seen_at)
    return found.user_id, _answer(services, request, subject, async_commit=async_commit)


def start(
    services: Services,
    user_id: int,
    request: JobRequest,
    about: Subject,
    *,
    async_commit: bool = False,
    is_retry: bool = False,
) -> Job:
    """Begin a job for a member's request, or join the one that another request has begun meanwhile.

    `is_retry`: also where one has just failed. Raises NotFound, TooManyJobs or what became of the other one.
    `async_commit`: see `insert`.
    """
    most = services.config.live_jobs_per_user
    for _ in range(LOOKS):
        begun = insert(services, user_id, request, about, async_commit=async_commit, is_retry=is_retry)
        if begun is not None:
            return begun
        now = services.now()
        with services.db.write() as session:
            found = latest_job(session, request.key, user_id)
            answers = found is not None and _still_answers(found[0], about, now)  # it may have ended since
            answers = answers and not (is_retry and found and found[0].state == JobState.FAILED)
            joined = join(session, found[0].id, user_id, now) if found and answers else None
            waits_for = count_live_of(session, user_id)
        if joined is not None:
            _count_shared(joined)
            return answering(joined, now)
        if waits_for >= most:
            raise TooManyJobs(f"You wait for {waits_for} jobs already; ask again when one has ended")
    raise TransientError  # each time another job was in the way, and has ended since without an answer


def look_up(services: Services, user_id: int, job_id: str) -> Job:
    """The job as it stands, whatever its state. Raises JobNotFound unless the user asked for it and still may."""
    with services.db.read() as session:
        job, seen_at = own_job(session, user_id, job_id)
    note_poll(services, job, user_id, seen_at, services.now())
    return job


def ask_again(services: Services, user_id: int, job_id: str) -> Job:
    """Ask anew what a failed, cancelled or expired job was asked; returns the new job, or the live one of that request.

    Raises JobNotFound, NotFound when what it was about is gone, Conflict while there is nothing to ask anew, or TooManyJobs.
    """
    with services.db.read() as session:
        job, _ = own_job(session, user_id, job_id)
        if job.is_live:
            raise Conflict("The job is not over yet")
        if job.state == JobState.FINISHED:
            raise Conflict("The job has ended well; its result is there")
        params = JOB_TYPES[job.kind].Params.model_validate_json(job.params)
        about = subject_of(session, user_id, JOB_TYPES[job.kind], params)
    return start(services, user_id, JobRequest(job.kind, params, job.key), about, is_retry=True)


def _answer(services: Services, request: JobRequest, found: FoundSubject, *, async_commit: bool = False) -> AnyJob:
    """The job that answers: the one that is named; else the one found, if it still answers; else a new one."""
    user_id, about, job, seen_at = found
    now = services.now()
    if request.job_id:
        if job is None or seen_at is None:
            raise JobNotFound
        note_poll(services, job, user_id, seen_at, now)
        return answering(job, now)
    if job is not None and _still_answers(job, about, now):
        if seen_at is not None and not is_to_be_noted(job, seen_at, now):
            return answering(job, now)
        with services.db.write() as session:
            joined = join(session, job.id, user_id, now)
        if joined is not None:
            if seen_at is None:
                _count_shared(joined)
            return answering(joined, now)
    return start(services, user_id, request, about, async_commit=async_commit)


def _still_answers(job: AnyJob, about: Subject, now: datetime) -> bool:
    return still_answers(job, now, JOB_TYPES[job.kind].current_revision(about))


def _count_shared(job: AnyJob) -> None:
    """Count a request that needed no job of its own."""
    metrics.requests_shared.add(job.kind, "joining" if job.is_live else "answer")


@lru_cache(1_000)
def _read_again(job_type: str, identifier: str, query: tuple[tuple[str, str], ...]) -> JobRequest:
    """`read_request`, kept: every poll of a job is the same request. Raises BadParameters."""
    return read_request(job_type, identifier, dict(query))


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
    may not have the job yet; `answering.wait_until_durable` is to be called before the user is answered.
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
