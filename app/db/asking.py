"""The first step that every job takes: it is asked for, and its row is there."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Insert,
    ScalarSelect,
    Select,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import aliased

from app.db import Database
from app.db.hot import SqlText
from app.db.job import LIVE, Job, JobAsker
from app.db.poll import Poll, poll_of
from app.db.prepared import Prepared

NEW = ("id", "kind", "key", "params", "app_id", "crash_id", "state", "request_id", "created_at", "queue", "attempt",
       "failures", "enqueue_after", "enqueued", "progress_done", "progress_total")  # fmt: skip
OF_ITS_CRASH = ("app_id", "crash_id", "queue", "progress_total")
"""Columns of a new job that follow from its crash, where its progress is counted in the crash's occurrences."""

_JOB = Job.__table__.c
_ASKER = JobAsker.__table__.c


class Asked(NamedTuple):
    """What came of a question."""

    poll: Poll
    is_begun: bool  # a job, by this question; `poll` has none


def start_job(db: Database, job: Job, user_id: int, most: int, fresh_from: datetime) -> bool:
    """Insert a queued job and who asks for it, without waiting for PostgreSQL's disk: `settle` does before it is told.

    False, and nothing is changed, when a live job has the same key, when one has finished since `fresh_from`, of which this
    question could not know yet when it was looked up, or when the user waits for `most` jobs already.
    """
    new = {name: getattr(job, name) for name in NEW}
    asked: dict[str, Any] = {"user": user_id, "now": job.created_at, "most": most, "fresh_from": fresh_from}
    if db.is_postgresql:
        with db.quick_write(together=False) as lane:
            return lane.first(_START, **new, **asked) is not None
    with db.quick_write() as lane:
        values = {f"new_{name}": value for name, value in new.items()}
        if not lane.change(_START_ON_SQLITE, **values, **asked):
            return False
        lane.change(_ASK_ON_SQLITE, job=job.id, user=user_id, now=job.created_at)
    return True


def find_or_start(
    db: Database,
    token_hash: str,
    crash_identifier: str,
    *,
    most: int,
    fresh_from: datetime,
    long_from: int,
    **new: Any,
) -> Asked | None:
    """`poll.find_poll` by key and `start_job` if nothing is found, as one statement; None unless a member asks, or on SQLite.

    `new`: the columns NEW of the job but for those OF_ITS_CRASH; one of more than `long_from` occurrences is a long one.
    """
    if not db.is_postgresql:
        return None
    asked = {"token": token_hash, "crash": crash_identifier, "now": new["created_at"]}
    bounds = {"most": most, "fresh_from": fresh_from, "long_from": long_from}
    with db.quick_write(together=False) as lane:
        return lane.first(_FIND_OR_START, **new, **asked, **bounds)


def _asked(*columns: Any) -> Asked:
    *poll, begun = columns
    return Asked(poll_of(*poll), begun is not None)


_START = SqlText("start_job", str)
_FIND_OR_START = SqlText("find_or_start", _asked)


def _start(*_: object) -> Insert:
    """INSERT of a job by the conditions of insert_job.sql, for SQLite."""
    row = {name: bindparam(f"new_{name}", type_=_JOB[name].type) for name in NEW}
    most = bindparam("most", type_=BigInteger())
    live: Select[int] = select(literal_column("1")).select_from(Job).where(LIVE).limit(most)
    asked = live.join(JobAsker, JobAsker.job_id == Job.id).where(JobAsker.user_id == bindparam("user"))
    may_wait = case((_rows_of(live) < most, true()), else_=_rows_of(asked) < most)
    ended = aliased(Job)
    answered = exists(literal_column("1")).select_from(ended).where(
        ended.key == row["key"],
        ended.state == literal_column("'finished'"),
        ended.finished_at > bindparam("fresh_from", type_=_JOB.finished_at.type),
        ended.expires_at > row["created_at"],
    )  # fmt: skip
    return (
        sqlite.insert(Job).from_select(NEW, select(*row.values()).where(may_wait, ~answered)).on_conflict_do_nothing()
    )


def _rows_of(some: Select[int]) -> ScalarSelect[int]:
    return select(func.count()).select_from(some.subquery()).scalar_subquery()


def _ask(*_: object) -> Insert:
    now = bindparam("now", type_=_ASKER.seen_at.type)
    values = {"job_id": bindparam("job"), "user_id": bindparam("user"), "asked_at": now, "seen_at": now}
    return insert(JobAsker).values(values)


_START_ON_SQLITE, _ASK_ON_SQLITE = Prepared(_start), Prepared(_ask)
