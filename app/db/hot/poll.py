"""The poll of a job as one statement: the user, their access, and the job that answers; and the start of a job."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Exists,
    Insert,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects import sqlite

from app.db.driver_pool import Prepared
from app.db.engine import Database
from app.db.hot import SqlText
from app.db.models.app import App
from app.db.models.crash import Crash
from app.db.models.job import LIVE, LIVE_FIRST, LIVE_STATES, Job, JobAsker, JobState
from app.db.models.membership import Membership
from app.db.models.token import Token

_JOB_STATE = SqlText("job_state", JobState)
_JOB_STATE_ON_SQLITE = Prepared(lambda _: select(Job.__table__.c.state).where(Job.__table__.c.id == bindparam("job")))
NEW = ("id", "kind", "key", "params", "app_id", "crash_id", "state", "request_id", "created_at", "queue", "attempt",
       "failures", "enqueue_after", "enqueued", "progress_done", "progress_total")  # fmt: skip
OF_ITS_CRASH = ("app_id", "crash_id", "queue", "progress_total")
"""Columns of a new job that follow from its crash, where its progress is counted in the crash's occurrences."""
_JOB = Job.__table__.c
_ASKER = JobAsker.__table__.c
_START = SqlText("start_job", str)


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


class Freshness(NamedTuple):
    """Until when, and showing what, an ended job still answers its request (`app.jobs.answering`)."""

    failed_after: datetime  # a failure
    fresh_after: datetime  # a result that has not expired, whatever it shows
    expires_after: datetime  # an older result, if it shows the subject as it is:
    revision: int  # the `data_revision` of such a result


class FoundOrStarted(NamedTuple):
    """The job found for a request, or none where one was begun."""

    poll: PollResult
    is_begun: bool  # a job, by this request; `poll` has none


def start_job(db: Database, job: Job, user_id: int, most: int, freshness: Freshness) -> bool:
    """Insert a queued job and its asker with an asynchronous commit; `wait_until_durable` comes before the user's answer.

    False, and nothing is changed, when a job of the same key answers by `freshness`, when another one was begun at the same
    time, whatever has become of it, or when the user waits for `most` jobs already.
    """
    new = {name: getattr(job, name) for name in NEW}
    asker: dict[str, Any] = {"user": user_id, "now": job.created_at, "most": most, **freshness._asdict()}
    if db.is_postgresql:
        with db.driver_write(together=False) as driver:
            return driver.first(_START, **new, **asker) is not None
    with db.driver_write() as driver:
        values = {f"new_{name}": value for name, value in new.items()}
        if not driver.change(_START_ON_SQLITE, **values, **asker):
            return False
        driver.change(_ASK_ON_SQLITE, job=job.id, user=user_id, now=job.created_at)
    return True


def find_or_start(
    db: Database,
    token_hash: str,
    crash_identifier: str,
    *,
    most: int,
    long_from: int,
    **new: Any,
) -> FoundOrStarted | None:
    """`poll.find_poll` by key and, if no job has that key, `start_job`: one statement. None unless a member asks, or on SQLite.

    No job is begun either where one was at the same time. `new`: the columns NEW of the job but for those OF_ITS_CRASH; one
    of more than `long_from` occurrences is a long one.
    """
    if not db.is_postgresql:
        return None
    about = {"token": token_hash, "crash": crash_identifier, "now": new["created_at"]}
    bounds = {"most": most, "long_from": long_from}
    with db.driver_write(together=False) as driver:
        return driver.first(_FIND_OR_START, **new, **about, **bounds)


def _found_or_started(*columns: Any) -> FoundOrStarted:
    *poll, begun = columns
    return FoundOrStarted(poll_of(*poll), begun is not None)


_FIND_OR_START = SqlText("find_or_start", _found_or_started)


def _start(*_: object) -> Insert:
    """INSERT of a job by the conditions of start_job.sql, for SQLite.

    Its transaction has the write lock already, so it sees every job of the request: the generation is never another's.
    """
    row = {name: bindparam(f"new_{name}", type_=_JOB[name].type) for name in NEW}
    most = bindparam("most", type_=BigInteger())
    live: Select[int] = select(literal_column("1")).select_from(Job).where(LIVE).limit(most)
    own = live.join(JobAsker, JobAsker.job_id == Job.id).where(JobAsker.user_id == bindparam("user"))
    may_wait = case((_rows_of(live) < most, true()), else_=_rows_of(own) < most)
    generation = select(func.coalesce(func.max(Job.generation), 0) + 1).where(Job.key == row["key"]).scalar_subquery()
    new = select(*row.values(), generation).where(may_wait, ~_answered(row["key"], row["created_at"]))
    return sqlite.insert(Job).from_select((*NEW, "generation"), new).on_conflict_do_nothing()


def _answered(key: ColumnElement[str], now: ColumnElement[datetime]) -> Exists:
    """The rule of freshness for the live or else the newest job of a key, as start_job.sql has it."""
    found = select(Job.state, Job.finished_at, Job.expires_at, Job.data_revision).where(Job.key == key)
    latest = found.order_by(LIVE_FIRST, Job.created_at.desc(), Job.id).limit(1).subquery().c
    fresh_after, failed_after, expires_after = (
        bindparam(name, type_=_JOB.finished_at.type) for name in ("fresh_after", "failed_after", "expires_after")
    )
    is_finished = latest.state == literal_column("'finished'")
    is_current = func.coalesce(latest.data_revision, 0) == bindparam("revision", type_=BigInteger())
    return exists(literal_column("1")).where(
        or_(
            latest.state.in_((literal_column("'queued'"), literal_column("'running'"))),
            and_(latest.state == literal_column("'failed'"), latest.finished_at > failed_after),
            and_(is_finished, latest.finished_at > fresh_after, latest.expires_at > now),
            and_(is_finished, latest.finished_at <= fresh_after, latest.expires_at > expires_after, is_current),
        )
    )


def _rows_of(some: Select[int]) -> ScalarSelect[int]:
    return select(func.count()).select_from(some.subquery()).scalar_subquery()


def _ask(*_: object) -> Insert:
    now = bindparam("now", type_=_ASKER.seen_at.type)
    values = {"job_id": bindparam("job"), "user_id": bindparam("user"), "asked_at": now, "seen_at": now}
    return insert(JobAsker).values(values)


_START_ON_SQLITE, _ASK_ON_SQLITE = Prepared(_start), Prepared(_ask)
