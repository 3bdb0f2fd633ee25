"""What a request is about and whether a job answers it: access, the rule of freshness, and the ways a request can end
other than with a result.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from pydantic import BaseModel

from app.db import Session
from app.db.hot import poll
from app.db.hot.poll import FoundCrash, Freshness, WholeApp
from app.db.models.app import App, is_member, visible_app
from app.db.models.crash import Crash, find_crash, totals
from app.db.models.job import Job, JobState, find_job, lock_job_shared, remember_asker
from app.errors import AppError, Gone, NotFound, TooManyRequests
from app.jobs.job_type import AnyJob, JobType, Subject
from app.queueing.broker import RUN_JOB, SHORT
from app.services import Services

FRESH_FOR = timedelta(seconds=30)  # a finished result answers that long although newer occurrences have come
FAILURE_ANSWERS_FOR = timedelta(minutes=1)  # a failed job is not begun anew more often than this
NEARLY_EXPIRED = timedelta(minutes=5)  # what expires within this is made anew, so that its link is worth having
J = TypeVar("J", bound=AnyJob)
JOB_ID = re.compile(r"[0-9a-f]{24}")
SEEN_TO = timedelta(minutes=1)  # how exactly it is recorded when a user last polled a live job
DURABLE_AFTER = timedelta(seconds=30)  # three times the longest pause of PostgreSQL's WAL writer that can be set
CRASH_IDENTIFIER = re.compile(r"[0-9a-f]{24}")  # of an app as well


def still_answers(job: AnyJob, now: datetime, revision: int) -> bool:
    """True when no new job has to be started. `revision`: the data revision of a result that is true now."""
    if job.is_live:
        return True
    if job.finished_at is None:
        return False
    failed_after, fresh_after, expires_after, _ = freshness_at(now, revision)
    if job.state == JobState.FAILED:
        return job.finished_at > failed_after
    if job.state != JobState.FINISHED or job.expires_at is None:
        return False
    if job.finished_at > fresh_after:
        return job.expires_at > now
    return job.expires_at > expires_after and is_current(job, revision)


def freshness_at(now: datetime, revision: int) -> Freshness:
    """The rule in the words of the statement that inserts a job."""
    return Freshness(now - FAILURE_ANSWERS_FOR, now - FRESH_FOR, now + NEARLY_EXPIRED, revision)


def is_current(job: AnyJob, revision: int) -> bool:
    """True when a finished job's result is of that revision; one that has noted none shows what never changes."""
    return (job.data_revision or 0) == revision


def is_expired(job: AnyJob, now: datetime) -> bool:
    """True when a job's result can no longer be had."""
    return job.expires_at is not None and job.expires_at <= now


class CrashNotFound(NotFound):
    """The vendor's sentence, to the letter: the identifier is not put in."""

    code, message = "crash_not_found", "App Crash with identifier occurrences."


class CrashNotVisible(NotFound):
    """The vendor's sentence for another tenant's crash."""

    code, message = "crash_not_visible", "You have no access to this app crash"


class AppNotFound(NotFound):
    """Unknown, or another tenant's: the same answer."""

    code, message = "app_not_found", "App not found"


class JobNotFound(NotFound):
    """Unknown, another request's or another user's job."""

    code, message = "job_not_found", "Job not found"


class JobCancelled(Gone):
    """Somebody cancelled it."""

    code, message = "job_cancelled", "The job was cancelled"


class JobExpired(Gone):
    """Its result has been deleted."""

    code, message = "job_expired", "The job's result has expired"


class ResultLost(Gone):
    """What was stored of it is gone or damaged. The job has expired by that, and the next request begins another."""

    code, message = "result_lost", "The job's stored result is lost or damaged; ask again for a new one"


class TooManyJobs(TooManyRequests):
    """A user waits for as many jobs as a user may."""

    code = "too_many_jobs"

    def __init__(self, message: str) -> None:
        super().__init__(message, retry_after=5)


class JobFailed(AppError):
    """The failure kept in the job's row."""

    def __init__(self, job: Job) -> None:
        self.code = job.error_code or "job_failed"
        self.status = job.error_status or 500
        super().__init__(job.error_message)


def answering(job: J, now: datetime) -> J:
    """The job, if it is live or its result can be had; else raises what became of it. A failed job has to be a row."""
    if job.state == JobState.FAILED:
        assert isinstance(job, Job)
        raise JobFailed(job)
    if job.state == JobState.CANCELLED:
        raise JobCancelled
    if job.state == JobState.EXPIRED or is_expired(job, now):
        raise JobExpired
    return job


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


def join(session: Session, job_id: str, user_id: int, now: datetime) -> Job | None:
    """Make a user one of a job's askers; None when it was cancelled or freed just now, before that took effect."""
    job = lock_job_shared(session, job_id)
    if job is None or job.state in (JobState.CANCELLED, JobState.EXPIRED):
        return None
    remember_asker(session, job_id, user_id, now)
    return job


def is_to_be_noted(job: AnyJob, seen_at: datetime, now: datetime) -> bool:
    """True when it has to be recorded that a user still polls a live job."""
    return job.is_live and now - seen_at > SEEN_TO


def is_live(services: Services, job: AnyJob) -> bool:
    """True while a job that was found for its user is not ended: a look that costs little."""
    return poll.is_live(services.db, job.id)


def wait_until_durable(services: Services, job: AnyJob) -> None:
    """Return when no crash of the database can lose a live job; to be called before its user is answered."""
    if services.now() - job.created_at < DURABLE_AFTER:
        services.db.wait_until_durable(job.id)


def answered(services: Services, job: AnyJob) -> None:
    """To be called when a request that waited for a short job is answered with its end."""
    services.broker.answered(RUN_JOB, job.id, SHORT)


def find_subject(session: Session, user_id: int, job_type: JobType, identifier: str) -> Subject:
    """What a job of that type is about. Raises CrashNotFound, CrashNotVisible or AppNotFound."""
    return SUBJECTS[job_type.subject](session, user_id, identifier)


def subject_of(session: Session, user_id: int, job_type: JobType, params: BaseModel) -> Subject:
    """What a job of that type with these params is about. Raises CrashNotFound, CrashNotVisible or AppNotFound."""
    return find_subject(session, user_id, job_type, getattr(params, job_type.subject))


def find_visible_app(session: Session, user_id: int, identifier: str) -> App:
    """The app, if the user is a member. Raises AppNotFound."""
    app = visible_app(session, identifier, user_id) if CRASH_IDENTIFIER.fullmatch(identifier) else None
    if app is None:
        raise AppNotFound
    return app


def _find_whole_app(session: Session, user_id: int, identifier: str) -> WholeApp:
    app = find_visible_app(session, user_id, identifier)
    return WholeApp(None, app.id, *totals(session, app.id), app.reports_revision)


def _find_one_crash(session: Session, user_id: int, identifier: str) -> FoundCrash:
    crash = visible_crash(session, user_id, identifier)
    app = session.get_one(App, crash.app_id)
    return FoundCrash(crash.id, app.id, crash.revision, crash.occurrences_count, app.reports_revision)


SUBJECTS: Mapping[str, Callable[[Session, int, str], Subject]] = {
    "crash_identifier": _find_one_crash,
    "app_identifier": _find_whole_app,
}
"""The variable of a job type's path, and field of its params -> what finds the subject for a user."""


def visible_crash(session: Session, user_id: int, identifier: str) -> Crash:
    """Raises CrashNotFound, or CrashNotVisible when it is of an app that the user may not see."""
    crash = find_crash(session, identifier) if CRASH_IDENTIFIER.fullmatch(identifier) else None
    if crash is None:
        raise CrashNotFound
    if not is_member(session, user_id, crash.app_id):
        raise CrashNotVisible
    return crash
