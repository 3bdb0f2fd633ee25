"""The asker's side of a job: start, join, find, list, withdraw. With running and sweep all that changes Job.state."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from app.broker import PARTS
from app.db.app import is_member
from app.db.job import (
    LIVE_STATES,
    Job,
    JobAsker,
    JobState,
    askers_of,
    find_job,
    hold,
    is_abandoned,
    latest_job,
    remember_asker,
)
from app.db.job_list import jobs_of
from app.errors import BadParameters, Conflict
from app.jobs import KINDS
from app.jobs.files import discard
from app.jobs.kind import AnyJob, key_of
from app.jobs.outcomes import JobNotFound, answering
from app.jobs.parts import forget_parts
from app.jobs.starting import count_shared, join, start_or_join, still_answers
from app.jobs.subjects import find_subject, find_whole_app, subject_of
from app.services import Services
from app.storage import job_folder

SEEN_TO = timedelta(minutes=1)  # how exactly it is recorded when a user last polled a live job
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
        about = find_subject(session, user_id, KINDS[kind], identifier)
        asked = KINDS[kind].read(identifier, query)
        key = key_of(kind, asked)
        job_id = query.get("job_id")
        found = _own_job(session, user_id, job_id, key) if job_id else latest_job(session, key, user_id)
    now = services.now()
    if found and job_id:
        _note(services, found[0], user_id, found[1], now)
        return answering(found[0], now)
    if found and still_answers(found[0], about, now):
        job, seen_at = found
        if seen_at is not None and not is_to_be_noted(job, seen_at, now):
            return answering(job, now)
        with services.db.write() as session:
            joined = join(session, job.id, user_id, now)
        if joined is not None:
            if seen_at is None:
                count_shared(joined)
            return answering(joined, now)
    return start_or_join(services, user_id, kind, key, asked, about)


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
        app_id = find_whole_app(session, user_id, app_identifier).app_id if app_identifier else None
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
        about = subject_of(session, user_id, KINDS[job.kind], asked)
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
