"""The jobs that a user has asked for: listed, and cancelled. With running, attempt and sweep all that changes Job.state."""

from datetime import datetime, timedelta

import structlog

from app.db.models.job import LIVE_STATES, Job, JobAsker, JobState, askers_of, is_abandoned, lock_job
from app.db.queries.lists import jobs_of
from app.errors import BadParameters
from app.jobs import JOB_TYPES
from app.jobs.access import JobNotFound, find_visible_app, own_job
from app.jobs.attempt import discard
from app.jobs.parts import forget_parts
from app.queueing.broker import PARTS
from app.services import Services
from app.storage_keys import job_folder

STATES: dict[str, tuple[JobState, ...]] = {"live": LIVE_STATES, **{state.value: (state,) for state in JobState}}
"""What a list of jobs can be asked for -> the states that are meant."""

READ_BY_PAGES = '"format":"json"'
"""In the parameters of reports that pages of the console are made of."""

log = structlog.get_logger()


def asked_by(
    services: Services,
    user_id: int,
    limit: int,
    offset: int = 0,
    *,
    state: str = "",
    app_identifier: str = "",
    for_people: bool = False,
    after: tuple[datetime, str] | None = None,
) -> list[tuple[Job, datetime]]:
    """The jobs a user has asked for and when they did, newest first. Raises BadParameters or NotFound.

    `for_people`: only those that make a file for somebody, not those by which pages and programs read.
    """
    if state and state not in STATES:
        raise BadParameters(f"state is not one of {', '.join(STATES)}")
    with services.db.read() as session:
        app_id = find_visible_app(session, user_id, app_identifier).id if app_identifier else None
        kinds = [name for name, one in JOB_TYPES.items() if one.FOR_PEOPLE] if for_people else []
        return jobs_of(
            session,
            user_id,
            limit,
            offset,
            states=STATES.get(state, ()),
            app_id=app_id,
            kinds=kinds,
            without=READ_BY_PAGES if for_people else "",
            after=after,
        )


def cancel(services: Services, user_id: int, job_id: str) -> Job:
    """Withdraw a user from a job: the last one to leave stops a live job or frees the files of a finished one.

    Returns the row afterwards; an ended job without files stays as it is. Raises JobNotFound.
    """
    with services.db.write() as session:
        own_job(session, user_id, job_id)
        job = lock_job(session, job_id)
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
        job = lock_job(session, job_id)
        if job is None or not job.is_live or not is_abandoned(session, job_id, before):
            return
        was = job.state
        _end(services, job)
    _clear(services, job, was)


def _end(services: Services, job: Job) -> None:
    """Cancel a live job, or let a finished one expire; the caller's transaction has locked the row."""
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
