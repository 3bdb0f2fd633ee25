"""The first step that every job takes: it is asked for, and its row is there."""

from datetime import datetime
from types import ModuleType
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    ScalarSelect,
    Select,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.orm import aliased

from app.db import Database
from app.db.job import LIVE, Job, JobAsker
from app.db.job_steps import at_ease_if
from app.db.poll import POLLED, Poll, poll_of, select_poll
from app.db.prepared import Prepared

NEW = ("id", "kind", "key", "params", "app_id", "crash_id", "state", "request_id", "created_at", "queue", "attempt",
       "strikes", "ring_after", "rings", "progress_done", "progress_total")  # fmt: skip
OF_ITS_CRASH = ("app_id", "crash_id", "queue", "progress_total")
"""Columns of a new job that follow from its crash, where its progress is counted in the crash's occurrences."""

_JOB = Job.__table__.c
_ASKER = JobAsker.__table__.c
_ASKED = ("job_id", "user_id", "asked_at", "seen_at")


class Asked(NamedTuple):
    """What came of a question."""

    poll: Poll
    is_begun: bool  # a job, by this question; `poll` has none


def start_job(db: Database, job: Job, user_id: int, most: int, fresh_from: datetime) -> bool:
    """Insert a queued job and who asks for it, without waiting for PostgreSQL's disk: `settle` does before it is told.

    False, and nothing is changed, when a live job has the same key, when one has finished since `fresh_from`, of which this
    question could not know yet when it was looked up, or when the user waits for `most` jobs already.
    """
    values = {f"new_{name}": getattr(job, name) for name in NEW}
    asked = {"user": user_id, "now": job.created_at}
    values["fresh_from"] = fresh_from
    if db.is_postgresql:
        with db.quick_write(together=False) as lane:
            return lane.first(_START_AND_ASK, **values, **asked, most=most) is not None
    with db.quick_write() as lane:
        if not lane.change(_START, **values, user=user_id, most=most):
            return False
        lane.change(_ASK, **asked, job=job.id)
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
    values = {f"new_{name}": value for name, value in new.items()}
    asked = {"token": token_hash, "crash": crash_identifier, "key": new["key"], "now": new["created_at"]}
    with db.quick_write(together=False) as lane:
        row = lane.first(_FIND_OR_START, **asked, **values, most=most, fresh_from=fresh_from, long_from=long_from)
    return Asked(poll_of(row), row[POLLED] is not None) if row else None


def _start(dialect: ModuleType) -> Any:
    row = {name: bindparam(f"new_{name}", type_=_JOB[name].type) for name in NEW}
    return _starting(dialect, row, bindparam("user"))


def _starting(dialect: ModuleType, row: dict[str, Any], user: ColumnElement[int], found: CTE | None = None) -> Any:
    """INSERT of a job unless it must not be begun; of what was `found`, where nothing else was."""
    most = bindparam("most", type_=BigInteger())
    live: Select[int] = select(literal_column("1")).select_from(Job).where(LIVE).limit(most)
    asked = live.join(JobAsker, JobAsker.job_id == Job.id).where(JobAsker.user_id == user)
    # Who waits for what is looked up only where so many jobs are live at all: a user has more old jobs than all have live ones.
    may_wait = case((_rows_of(live) < most, true()), else_=_rows_of(asked) < most)
    ended = aliased(Job)
    answered = exists(literal_column("1")).select_from(ended).where(
        ended.key == row["key"],
        ended.state == literal_column("'finished'"),
        ended.finished_at > bindparam("fresh_from", type_=_JOB.finished_at.type),
        ended.expires_at > row["created_at"],
    )  # fmt: skip
    allowed = select(*(row[name] for name in NEW)).where(may_wait, ~answered)
    if found is not None:
        allowed = allowed.select_from(found).where(found.c.job_id.is_(None))
    return dialect.insert(Job).from_select(NEW, allowed).on_conflict_do_nothing()


def _rows_of(some: Select[int]) -> ScalarSelect[int]:
    return select(func.count()).select_from(some.subquery()).scalar_subquery()


def _start_and_ask(dialect: ModuleType) -> Any:
    """Both as one statement, which is one trip; SQLite cannot, and needs no trips."""
    started = _start(dialect).returning(_JOB.id).cte("started")
    now = bindparam("now", type_=_ASKER.seen_at.type)
    asked = dialect.insert(JobAsker).from_select(_ASKED, select(started.c.id, bindparam("user"), now, now))
    return asked.returning(at_ease_if(true()))


def _ask(dialect: ModuleType) -> Any:
    now = bindparam("now", type_=_ASKER.seen_at.type)
    values = {"job_id": bindparam("job"), "user_id": bindparam("user"), "asked_at": now, "seen_at": now}
    return dialect.insert(JobAsker).values(values)


def _find_or_start(dialect: ModuleType) -> Any:
    found = select_poll().cte("found")
    new = {name: bindparam(f"new_{name}", type_=_JOB[name].type) for name in NEW if name not in OF_ITS_CRASH}
    is_long = found.c.crash_occurrences_count > bindparam("long_from")
    queue = case((is_long, literal_column("'long'")), else_=literal_column("'short'"))
    of_its_crash = (found.c.crash_app_id, found.c.crash_id, queue, found.c.crash_occurrences_count)
    row = {**new, **dict(zip(OF_ITS_CRASH, of_its_crash, strict=True))}
    started = _starting(dialect, row, found.c.user_id, found).returning(_JOB.id).cte("started")
    now = bindparam("now", type_=_ASKER.seen_at.type)
    asker = select(started.c.id, found.c.user_id, now, now).select_from(started.join(found, true()))
    asked = dialect.insert(JobAsker).from_select(_ASKED, asker).returning(at_ease_if(true())).cte("asked")
    return select(*found.c, started.c.id).select_from(found.outerjoin(started, true())).add_cte(asked)


_START, _ASK, _START_AND_ASK, _FIND_OR_START = (
    Prepared(build) for build in (_start, _ask, _start_and_ask, _find_or_start)
)
