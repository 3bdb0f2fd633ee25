"""The job that a user names by its id, and that somebody still polls it."""

import re
from datetime import datetime, timedelta

from app.db import Session
from app.db.models.app import is_member
from app.db.models.job import Job, find_job, remember_asker
from app.jobs.job_type import AnyJob
from app.jobs.outcomes import JobNotFound
from app.services import Services

JOB_ID = re.compile(r"[0-9a-f]{24}")
SEEN_TO = timedelta(minutes=1)  # how exactly it is recorded when a user last polled a live job


def own_job(session: Session, user_id: int, job_id: str, key: str | None = None) -> tuple[Job, datetime]:
    """A job that the user has asked for, and when the user was last seen to.

    Raises JobNotFound when there is none, the user may no longer see its app or, with `key`, it is another request's.
    """
    found = find_job(session, job_id, user_id) if JOB_ID.fullmatch(job_id) else None
    if found is None:
        raise JobNotFound
    job, seen_at = found
    if seen_at is None or (key is not None and job.key != key) or not is_member(session, user_id, job.app_id):
        raise JobNotFound
    return job, seen_at


def note_poll(services: Services, job: AnyJob, user_id: int, seen_at: datetime, now: datetime) -> None:
    """Record that a user still polls a live job, so that it does not count as abandoned."""
    if is_to_be_noted(job, seen_at, now):
        with services.db.write() as session:
            remember_asker(session, job.id, user_id, now)


def is_to_be_noted(job: AnyJob, seen_at: datetime, now: datetime) -> bool:
    """True when it has to be recorded that a user still polls a live job."""
    return job.is_live and now - seen_at > SEEN_TO
