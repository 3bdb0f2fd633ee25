"""How every job is begun by a worker, as one statement; `asking` has the step before it, `finishing` the last."""

from datetime import datetime
from types import ModuleType
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    ColumnElement,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import aliased

from app.db import Database
from app.db.crash import Crash
from app.db.job import Job, JobState
from app.db.job_part import JobPart
from app.db.prepared import Lane, Prepared
from app.db.turn import Turn

QUEUED: ColumnElement[str] = literal_column("'queued'")
RUNNING: ColumnElement[str] = literal_column("'running'")
"""Spelled out, for a plan made once can use an index of live jobs only if it sees these words."""

CLAIMED = ("id", "kind", "params", "app_id", "crash_id", "request_id", "created_at", "queue", "attempt", "strikes",
           "trouble_since", "progress_total", "data_revision")  # fmt: skip
"""As much of a job as an attempt at it is made from."""


def claim_next(
    db: Database,
    rung: str,
    queue: str | None,
    now: datetime,
    *,
    worker: str,
    lease_expires_at: datetime,
    bounded: str,
    at_once: int,
) -> Job | None:
    """Begin an attempt at the queued job that is next in turn, in `queue`, else in the one where the rung one stands.

    Tenants take turns, each tenant's oldest job first. None when nobody waits there, or when it is the queue `bounded`
    and `at_once` of its jobs run already. The lock goes with that of users who join the job meanwhile: a stampede must
    not hide the job it asks for. Of the job's columns there are CLAIMED.
    """
    values = {"worker": worker, "lease_expires_at": lease_expires_at, "bounded": bounded, "at_once": at_once}
    with db.quick_write(together=False) as lane:  # that the turn is lost with its worker does no harm
        row = lane.first(claim_statement(lane), rung=rung, queue=queue, now=now, **values)
        if row is None:
            return None
        job = Job(**dict(zip(CLAIMED, row, strict=False)))
        if not db.is_postgresql:
            lane.change(_TURN, app=job.app_id, now=now)
        return job


def claim_statement(lane: Lane) -> Prepared:
    """What `claim_next` runs; on PostgreSQL it takes the turn too."""
    return _CLAIM_AND_TURN if lane.is_postgresql else _CLAIM


class StoredList(NamedTuple):
    """A finished result that lies in the storage and shows its crash as it is now."""

    key: str
    revision: int


def find_stored_list(db: Database, crash_id: int, key: str) -> StoredList | None:
    """The newest stored result of the question with this key, if the crash has not changed since."""
    with db.quick() as lane:
        row = lane.first(_STORED, crash=crash_id, key=key)
    return StoredList(*row) if row else None


def _stored(_: ModuleType) -> Any:
    finished = (
        Job.key == bindparam("key"),
        Job.crash_id == bindparam("crash"),
        Job.state == literal_column("'finished'"),
    )
    stored = select(Job.result_key, Job.data_revision).join(Crash, Crash.id == Job.crash_id)
    stored = stored.where(*finished, Job.result_key.is_not(None), Job.data_revision == Crash.revision)
    return stored.order_by(Job.created_at.desc(), Job.id).limit(literal_column("1"))


BEGUN: dict[str, Any] = {
    "state": JobState.RUNNING,
    "attempt": Job.attempt + 1,
    "holder": bindparam("worker"),
    "started_at": bindparam("now"),
    "lease_expires_at": bindparam("lease_expires_at"),
    "preview_key": None,
    "progress_done": 0,
}
"""What an attempt that begins sets."""


def _claim(dialect: ModuleType) -> Any:
    next_one = (Job.id == following(dialect), Job.state == QUEUED)
    return update(Job).where(*next_one).values(BEGUN).returning(*(Job.__table__.c[name] for name in CLAIMED))


def following(dialect: ModuleType) -> Any:
    """The id of the job that is next in turn, for the parameters `rung`, `queue`, `now`, `bounded` and `at_once`."""
    rung = aliased(Job)
    of_rung = select(rung.queue).where(rung.id == bindparam("rung")).scalar_subquery()
    queue = func.coalesce(bindparam("queue", type_=Job.__table__.c.queue.type), of_rung)
    return _following_of_each(queue) if dialect is postgresql else _following_of_all(queue)


def _following_of_each(queue: ColumnElement[str]) -> Any:
    """The id of the next job: of each tenant that waits one step into the index, then of them the one whose turn it is.

    So it costs by the tenants that wait, not by their jobs. Who is next is looked for in the order of turns, until a
    tenant has a job that is due and that no other worker is about to take.
    """
    first, later, waiting = aliased(Job), aliased(Job), aliased(Job)
    tenants = (
        select(first.app_id).where(first.state == QUEUED, first.queue == queue)
        .order_by(first.app_id).limit(literal_column("1")).cte("tenants", recursive=True)
    )  # fmt: skip
    following = select(later.app_id).where(later.state == QUEUED, later.queue == queue, later.app_id > tenants.c.app_id)
    one_more = following.order_by(later.app_id).limit(literal_column("1")).scalar_subquery()
    tenants = tenants.union_all(select(one_more).where(tenants.c.app_id.is_not(None)))
    in_turn = (
        select(tenants.c.app_id)
        .outerjoin(Turn, Turn.app_id == tenants.c.app_id)
        .where(tenants.c.app_id.is_not(None))
        .order_by(Turn.served_at.asc().nulls_first(), tenants.c.app_id)
        .offset(literal_column("0"))  # keeps the order through the join: it decides who is fast, not what is right
        .subquery("in_turn")
    )
    due = (
        select(waiting.id)
        .where(waiting.app_id == in_turn.c.app_id, *_may_begin(waiting, queue))
        .order_by(waiting.created_at, waiting.id)
        .limit(literal_column("1"))
        .with_for_update(of=waiting, skip_locked=True, key_share=True)
        .lateral("due")
    )
    return select(due.c.id).select_from(in_turn.join(due, true())).limit(literal_column("1")).scalar_subquery()


def _following_of_all(queue: ColumnElement[str]) -> Any:
    """The same by sorting all jobs that wait, for SQLite, which has no LATERAL and no other worker."""
    waiting = aliased(Job)
    jobs = select(waiting.id).outerjoin(Turn, Turn.app_id == waiting.app_id).where(*_may_begin(waiting, queue))
    in_turn = jobs.order_by(Turn.served_at.asc().nulls_first(), waiting.created_at, waiting.id)
    return in_turn.limit(literal_column("1")).scalar_subquery()


def _may_begin(waiting: type[Job], queue: ColumnElement[str]) -> tuple[ColumnElement[bool], ...]:
    """Queued, due, and within what may run at a time where that is bounded."""
    other = aliased(Job)
    jobs = select(func.count()).select_from(other).where(other.state == RUNNING, other.queue == bindparam("bounded"))
    parts = select(func.count()).select_from(JobPart).join(other, other.id == JobPart.job_id)
    busy = jobs.scalar_subquery() + parts.where(JobPart.state == RUNNING, other.state == RUNNING).scalar_subquery()
    return (
        waiting.state == QUEUED,
        waiting.queue == queue,
        or_(waiting.not_before.is_(None), waiting.not_before <= bindparam("now")),
        or_(waiting.queue != bindparam("bounded"), busy < bindparam("at_once")),
    )


def _claim_and_turn(dialect: ModuleType) -> Any:
    claimed = _claim(dialect).cte("claimed")
    at_ease = at_ease_if(claimed.c.queue == literal_column("'short'"))
    return select(*(claimed.c[name] for name in CLAIMED), at_ease).add_cte(turned(dialect, claimed))


def turned(dialect: ModuleType, claimed: CTE) -> CTE:
    """The turn of the tenant whose job was claimed, taken."""
    now = bindparam("now", type_=Turn.__table__.c.served_at.type)
    insert = dialect.insert(Turn).from_select(("app_id", "served_at"), select(claimed.c.app_id, now))
    served = {"served_at": insert.excluded.served_at}
    turn: CTE = insert.on_conflict_do_update(index_elements=[Turn.app_id], set_=served).cte("turned")
    return turn


def at_ease_if(condition: ColumnElement[bool]) -> ColumnElement[str | None]:
    """In such a row, do not wait until the disk has this statement's commit, which is visible at once nevertheless.

    For what a crash of the database server may take back by up to 0.6 s without harm: a job of which nobody has been told
    is then not there, a short one is queued, or running with a lease that runs out, and is made again.
    """
    return case((condition, func.set_config("synchronous_commit", "off", literal_column("true"))))


def _turn(dialect: ModuleType) -> Any:
    insert = dialect.insert(Turn).values(app_id=bindparam("app"), served_at=bindparam("now"))
    return insert.on_conflict_do_update(index_elements=[Turn.app_id], set_={"served_at": insert.excluded.served_at})


_CLAIM, _TURN, _CLAIM_AND_TURN = (Prepared(build) for build in (_claim, _turn, _claim_and_turn))
_STORED = Prepared(_stored)
