"""The start of a job: finds the job that answers a request, or inserts a new one."""

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
from app.db.hot.poll import PollResult, poll_of
from app.db.models.job import LIVE, LIVE_FIRST, Job, JobAsker

NEW = ("id", "kind", "key", "params", "app_id", "crash_id", "state", "request_id", "created_at", "queue", "attempt",
       "failures", "enqueue_after", "enqueued", "progress_done", "progress_total")  # fmt: skip
OF_ITS_CRASH = ("app_id", "crash_id", "queue", "progress_total")
"""Columns of a new job that follow from its crash, where its progress is counted in the crash's occurrences."""

_JOB = Job.__table__.c
_ASKER = JobAsker.__table__.c


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


_START = SqlText("start_job", str)
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
