"""The asker's side of a job: start, join, find, list, withdraw. With running and sweep all that changes Job.state."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

import structlog
from pydantic import BaseModel
from sqlalchemy.orm import Session

from app import metrics
from app.broker import LONG, PARTS, RUN_JOB, SHORT
from app.db.app import App, is_member, visible_app
from app.db.crash import find_crash, totals
from app.db.job import (
    LIVE_STATES,
    Job,
    JobAsker,
    JobState,
    askers_of,
    count_live_of,
    find_job,
    hold,
    is_abandoned,
    latest_job,
    new_job_id,
    remember_asker,
    stay,
)
from app.db.job_list import jobs_of
from app.db.job_steps import start_job
from app.db.log import ring_pause
from app.db.poll import FoundCrash, WholeApp
from app.errors import BadParameters, Conflict, TransientError
from app.jobs import KINDS
from app.jobs.files import discard
from app.jobs.kind import AnyJob, Subject, key_of
from app.jobs.outcomes import AppNotFound, CrashNotFound, CrashNotVisible, JobNotFound, TooManyJobs, answering
from app.jobs.parts import forget_parts
from app.observe import current_request_id
from app.services import Services
from app.storage import job_folder

FRESH_FOR = timedelta(seconds=30)  # a finished result answers that long although newer occurrences have come
FAILURE_ANSWERS_FOR = timedelta(minutes=1)  # a failed job is not begun anew more often than this
NEARLY_EXPIRED = timedelta(minutes=5)  # what expires within this is made anew, so that its link is worth having
SEEN_TO = timedelta(minutes=1)  # how exactly it is recorded when a user last polled a live job
LONG_FROM = 20_000  # units of progress from which a job goes to the long queue
CRASH_IDENTIFIER = re.compile(r"[0-9a-f]{24}")
JOB_ID = re.compile(r"[0-9a-f]{24}")
STATES: dict[str, tuple[JobState, ...]] = {"live": LIVE_STATES, **{state.value: (state,) for state in JobState}}
"""What a list of jobs can be asked for -> the states that are meant."""

log = structlog.get_logger()


def ask(services: Services, user_id: int, kind: str, identifier: str, query: Mapping[str, str]) -> Job:
    """Start, join or find the job that answers a question; returns its row, live or finished.

    `identifier` is that of the crash or the app that it is about; `query` is the request's, whose `job_id` asks for that
    very job. Raises NotFound, BadParameters, Gone or JobFailed.
    """
    with services.db.read() as session:
        about = _visible_app(session, user_id, identifier) if KINDS[kind].ABOUT == "app" else None
        crash = about or _visible_crash(session, user_id, identifier)
        asked = KINDS[kind].read(identifier, query)
        key = key_of(kind, asked)
        job_id = query.get("job_id")
        found = _own_job(session, user_id, job_id, key) if job_id else latest_job(session, key, user_id)
    now = services.now()
    if found and job_id:
        _note(services, found[0], user_id, found[1], now)
        return answering(found[0], now)
    if found and still_answers(found[0], crash, now):
        job, seen_at = found
        if seen_at is not None and not is_to_be_noted(job, seen_at, now):
            return answering(job, now)
        with services.db.write() as session:
            joined = _join(session, job.id, user_id, now)
        if joined is not None:
            if seen_at is None:
                _count_shared(joined)
            return answering(joined, now)
    return start_or_join(services, user_id, kind, key, asked, crash)


def look_up(services: Services, user_id: int, job_id: str) -> Job:
    """The job as it stands, whatever its state. Raises JobNotFound unless the user asked for it and still may."""
    with services.db.read() as session:
        job, seen_at = _own_job(session, user_id, job_id)
    _note(services, job, user_id, seen_at, services.now())
    return job


def _note(services: Services, job: Job, user_id: int, seen_at: datetime | None, now: datetime) -> None:
    """Record that a user still polls a live job, so that it does not count as abandoned."""
    if seen_at is not None and is_to_be_noted(job, seen_at, now):
        with services.db.write() as session:
            remember_asker(session, job.id, user_id, now)


def asked_by(
    services: Services,
    user_id: int,
    limit: int,
    offset: int = 0,
    *,
    state: str = "",
    app_identifier: str = "",
    after: tuple[datetime, str] | None = None,
) -> list[tuple[Job, datetime]]:
    """The jobs a user has asked for and when they did, newest first. Raises BadParameters or NotFound."""
    if state and state not in STATES:
        raise BadParameters(f"state is not one of {', '.join(STATES)}")
    with services.db.read() as session:
        app_id = _visible_app(session, user_id, app_identifier).app_id if app_identifier else None
        return jobs_of(session, user_id, limit, offset, states=STATES.get(state, ()), app_id=app_id, after=after)


def ask_again(services: Services, user_id: int, job_id: str) -> Job:
    """Ask anew what a failed, cancelled or expired job was asked; returns the new job, or the live one of that question.

    Raises JobNotFound, NotFound when what it was about is gone, Conflict while there is nothing to ask anew, or TooManyJobs.
    """
    with services.db.read() as session:
        job, _ = _own_job(session, user_id, job_id)
        if job.is_live:
            raise Conflict("The job is not over yet")
        if job.state == JobState.FINISHED:
            raise Conflict("The job has ended well; its result is there")
        asked = KINDS[job.kind].Params.model_validate_json(job.params)
        if KINDS[job.kind].ABOUT == "app":
            about: Subject = _visible_app(session, user_id, asked.app_identifier)  # type: ignore[attr-defined]
        else:
            about = _visible_crash(session, user_id, asked.crash_identifier)  # type: ignore[attr-defined]
    return start_or_join(services, user_id, job.kind, job.key, asked, about)


def cancel(services: Services, user_id: int, job_id: str) -> Job:
    """Withdraw a user from a job: the last one to leave stops a live job or frees the files of a finished one.

    Returns the row afterwards; an ended job without files stays as it is. Raises JobNotFound.
    """
    with services.db.write() as session:
        _own_job(session, user_id, job_id)
        job = hold(session, job_id)
        if job is None:
            raise JobNotFound
        if any(asker != user_id for asker in askers_of(session, job_id)):
            session.delete(session.get_one(JobAsker, (job_id, user_id)))
            return job
        was = job.state
        _end(services, job)
    _clear(services, job, was)
    return job


def abandon(services: Services, job_id: str, before: datetime) -> None:
    """Cancel a live job that nobody has polled since."""
    with services.db.write() as session:
        job = hold(session, job_id)
        if job is None or not job.is_live or not is_abandoned(session, job_id, before):
            return
        was = job.state
        _end(services, job)
    _clear(services, job, was)


def _end(services: Services, job: Job) -> None:
    """Cancel a live job, or let a finished one expire; the caller's transaction holds the row."""
    now = services.now()
    if job.is_live:
        job.state, job.finished_at, job.lease_expires_at = JobState.CANCELLED, now, None
    elif job.state == JobState.FINISHED:
        job.state, job.result_text = JobState.EXPIRED, None
    else:
        return
    job.expires_at = now + timedelta(seconds=services.config.tombstone_lifetime)


def _clear(services: Services, job: Job, was: JobState) -> None:
    """Delete the files of a job that has just been ended; what is left is the sweep's."""
    if job.state != was:
        discard(services, job_folder(job.id))
        if job.queue == PARTS:
            forget_parts(services, job.id)
        log.info("job_cancelled" if job.state == JobState.CANCELLED else "job_freed", job=job.id)


def _visible_crash(session: Session, user_id: int, identifier: str) -> FoundCrash:
    crash = find_crash(session, identifier) if CRASH_IDENTIFIER.fullmatch(identifier) else None
    if crash is None:
        raise CrashNotFound
    if not is_member(session, user_id, crash.app_id):
        raise CrashNotVisible
    app = session.get_one(App, crash.app_id)
    return FoundCrash(crash.id, app.id, crash.revision, crash.occurrences_count, app.reports_revision)


def _visible_app(session: Session, user_id: int, identifier: str) -> WholeApp:
    app = visible_app(session, identifier, user_id) if CRASH_IDENTIFIER.fullmatch(identifier) else None
    if app is None:
        raise AppNotFound
    return WholeApp(None, app.id, *totals(session, app.id), app.reports_revision)


def _own_job(session: Session, user_id: int, job_id: str, key: str | None = None) -> tuple[Job, datetime]:
    """A job that the user has asked for, and when the user was last seen to. Raises JobNotFound."""
    found = find_job(session, job_id, user_id) if JOB_ID.fullmatch(job_id) else None
    if found is None:
        raise JobNotFound
    job, seen_at = found
    if seen_at is None or (key is not None and job.key != key) or not is_member(session, user_id, job.app_id):
        raise JobNotFound
    return job, seen_at


def is_to_be_noted(job: AnyJob, seen_at: datetime, now: datetime) -> bool:
    """True when it has to be recorded that a user still polls a live job."""
    return job.is_live and now - seen_at > SEEN_TO


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


def _join(session: Session, job_id: str, user_id: int, now: datetime) -> Job | None:
    """Make a user one of a job's askers; None when it was cancelled or freed a moment ago, before that took effect."""
    job = stay(session, job_id)
    if job is None or job.state in (JobState.CANCELLED, JobState.EXPIRED):
        return None
    remember_asker(session, job_id, user_id, now)
    return job


def _count_shared(job: Job) -> None:
    metrics.questions_shared.add(job.kind, "joining" if job.is_live else "answer")


def start_or_join(
    services: Services, user_id: int, kind: str, key: str, asked: BaseModel, crash: Subject, *, at_ease: bool = False
) -> Job:
    """Begin a job for a member's question, or join the live one of the same key. Raises NotFound or TooManyJobs.

    `at_ease`: it may be that PostgreSQL's disk has not got the job yet; `polling.settle` is to be called before it is told.
    """
    now = services.now()
    total = KINDS[kind].expect(services.db, crash, asked)
    job = Job(
        id=new_job_id(),
        kind=kind,
        key=key,
        params=asked.model_dump_json(),
        app_id=crash.app_id,
        crash_id=crash.id,
        state=JobState.QUEUED,
        request_id=current_request_id(),
        created_at=now,
        queue=LONG if total > LONG_FROM else SHORT,
        attempt=0,
        strikes=0,
        ring_after=now + ring_pause(0),
        rings=0,
        progress_done=0,
        progress_total=total,
    )
    most = services.config.live_jobs_per_user
    if start_job(services.db, job, user_id, most, now - FRESH_FOR):
        ring = services.broker.ring_soon if job.queue == SHORT else services.broker.ring
        if at_ease:
            ring(RUN_JOB, job.id, job.queue)
        else:  # the worker can begin, and who asks has the row to wait for
            services.db.settle(job.id, meanwhile=partial(ring, RUN_JOB, job.id, job.queue))
        metrics.jobs_started.add(kind)
        log.info("job_queued", job=job.id, kind=kind, user=user_id)
        return job
    with services.db.write() as session:
        found = latest_job(session, key, user_id)
        answers = found is not None and still_answers(found[0], crash, now)  # it may have ended since
        joined = _join(session, found[0].id, user_id, now) if found and answers else None
        waits_for = count_live_of(session, user_id)
    if joined is not None:
        _count_shared(joined)
        return answering(joined, now)
    if waits_for >= most:
        raise TooManyJobs(f"You wait for {waits_for} jobs already; ask again when one has ended")
    raise TransientError  # a live job of the same key was there, and has ended since without an answer
