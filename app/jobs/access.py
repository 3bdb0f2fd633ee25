"""What a user asks about, if they may see it: a crash, a whole app, or a job of theirs."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from pydantic import BaseModel

from app.db import Session
from app.db.hot.poll import FoundCrash, WholeApp
from app.db.models.app import App, visible_app
from app.db.models.crash import Crash, find_crash, totals
from app.db.models.job import Job, find_job
from app.db.models.membership import Role, is_member
from app.errors import NotFound
from app.identity.access import require_in
from app.jobs.job_type import JobType, Subject

JOB_ID = re.compile(r"[0-9a-f]{24}")
CRASH_IDENTIFIER = re.compile(r"[0-9a-f]{24}")  # of an app as well


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


def find_subject(session: Session, user_id: int, job_type: JobType, identifier: str) -> Subject:
    """What a job of that type is about. Raises CrashNotFound, CrashNotVisible, AppNotFound or Forbidden."""
    found = SUBJECTS[job_type.subject](session, user_id, identifier)
    if job_type.ROLE is not Role.VIEWER:
        require_in(session, user_id, found.app_id, job_type.ROLE)
    return found


def subject_of(session: Session, user_id: int, job_type: JobType, params: BaseModel) -> Subject:
    """What a job of that type with these params is about. Raises what `find_subject` raises."""
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
