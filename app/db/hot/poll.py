"""The poll of a job as one statement: the user, their access, and the job that answers."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, select

from app.db.driver_pool import Prepared
from app.db.engine import Database
from app.db.hot import SqlText
from app.db.models.app import App, Membership
from app.db.models.crash import Crash
from app.db.models.job import LIVE_FIRST, LIVE_STATES, Job, JobAsker, JobState
from app.db.models.token import Token


class FoundCrash(NamedTuple):
    """As much of a crash as a job about it is begun from."""

    id: int
    app_id: int
    revision: int
    occurrences_count: int
    reports_revision: int  # the app's: grows when what its reports are made by changes


class WholeApp(NamedTuple):
    """The same of all crashes of an app together."""

    id: None  # there is no crash
    app_id: int
    revision: int  # grows with every change of any of them
    occurrences_count: int
    reports_revision: int


class FoundJob(NamedTuple):
    """As much of a job as an answer is made from."""

    id: str
    kind: str
    attempt: int
    state: JobState
    created_at: datetime
    progress_done: int
    progress_total: int
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    preview_key: str | None = None
    data_revision: int | None = None
    result_text: str | None = None
    result_key: str | None = None
    result_size: int | None = None
    result_sha256: str | None = None
    result_filename: str | None = None
    result_media_type: str | None = None

    @property
    def is_live(self) -> bool:
        """True while queued or running."""
        return self.state in LIVE_STATES


class PollResult(NamedTuple):
    """A member's request about a crash, and the job found for it."""

    user_id: int
    seen_at: datetime | None  # when this user was last seen to ask for the job, if ever
    crash: FoundCrash
    job: FoundJob | None


def find_poll(
    db: Database, token_hash: str, now: datetime, crash_identifier: str, key: str, job_id: str | None
) -> PollResult | None:
    """The live or else the newest job for a request, or the one with that id; None unless a member asks."""
    values: dict[str, Any] = {"token": token_hash, "now": now, "crash": crash_identifier, "key": key, "job": job_id}
    with db.driver() as driver:
        if db.is_postgresql:
            return driver.first(_BY_ID if job_id else _BY_KEY, **values)
        row = driver.first(_BY_ID_ON_SQLITE if job_id else _BY_KEY_ON_SQLITE, **values)
    return poll_of(*row) if row else None


def poll_of(user_id: int, seen_at: datetime | None, *columns: Any) -> PollResult:
    """What the columns of a poll say: of the crash, then of the job, which are None where there is none."""
    crash, job = columns[:_OF_CRASH], columns[_OF_CRASH:]
    found = None if job[0] is None else FoundJob._make((*job[:_STATE], JobState(job[_STATE]), *job[_STATE + 1 :]))
    return PollResult(user_id, seen_at, FoundCrash(*crash), found)


def is_live(db: Database, job_id: str) -> bool:
    """True while a job is queued or running; who may ask has been checked before."""
    with db.driver() as driver:
        if db.is_postgresql:
            return driver.first(_JOB_STATE, job=job_id) in LIVE_STATES
        row = driver.first(_JOB_STATE_ON_SQLITE, job=job_id)
    return row is not None and row[0] in LIVE_STATES


_OF_CRASH = len(FoundCrash._fields)  # columns
_STATE = FoundJob._fields.index("state")

_BY_KEY, _BY_ID = SqlText("poll_by_key", poll_of), SqlText("poll_by_id", poll_of)
_JOB_STATE = SqlText("job_state", JobState)


def _poll(*conditions: ColumnElement[bool]) -> Select[Any]:
    """The statement of poll_by_key.sql, and of poll_by_id.sql, for SQLite."""
    crash = [*(Crash.__table__.c[name] for name in FoundCrash._fields[:-1]), App.__table__.c.reports_revision]
    job = [Job.__table__.c[name] for name in FoundJob._fields]
    return (
        select(Token.user_id, JobAsker.seen_at, *crash, *job)
        .select_from(Token)
        .join(Membership, Membership.user_id == Token.user_id)
        .join(Crash, Crash.app_id == Membership.app_id)
        .join(App, App.id == Crash.app_id)
        .outerjoin(Job, and_(Job.crash_id == Crash.id, Job.key == bindparam("key"), *conditions))
        .outerjoin(JobAsker, and_(JobAsker.job_id == Job.id, JobAsker.user_id == Token.user_id))
        .where(
            Token.hash == bindparam("token"),
            Token.expires_at > bindparam("now"),
            Crash.identifier == bindparam("crash"),
            Crash.occurrences_count > 0,
        )
        .order_by(LIVE_FIRST, Job.created_at.desc(), Job.id)
        .limit(1)
    )


_BY_KEY_ON_SQLITE = Prepared(lambda _: _poll())
_BY_ID_ON_SQLITE = Prepared(lambda _: _poll(Job.id == bindparam("job")))
_JOB_STATE_ON_SQLITE = Prepared(lambda _: select(Job.__table__.c.state).where(Job.__table__.c.id == bindparam("job")))
