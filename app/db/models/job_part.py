"""Parts of a job that many workers make side by side. The plan is frozen first; each part is claimed like a job."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    String,
    Text,
    delete,
    exists,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, rows_changed, value_enum
from app.db.models.fair_share import FairShare
from app.db.models.job import Job, JobState
from app.db.work import Leased, Leasing, is_due

BATCH = "_batch"
"""How the name of each job type ends that is made in parts; `app.jobs` holds them to it."""


class PartState(enum.StrEnum):
    """waiting -> running -> done; running -> waiting after a failure or an outage."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"


UNDONE = text("state IN ('waiting', 'running')")


class JobPlan(Base):
    """What a job in parts is made from: the same however often, whenever and wherever a part of it is made."""

    __tablename__ = "job_plans"
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    made_at: Mapped[datetime]  # when the snapshot was taken that the result shows
    last_row: Mapped[int] = mapped_column(BigInteger)  # the newest occurrence that belongs to it
    reports_revision: Mapped[int | None] = mapped_column(BigInteger)  # the app's, when it was made


class JobPart(Leased, Base):
    """One part. `after` and `upto` are places in the data as JSON, which only the job type understands."""

    __tablename__ = "job_parts"
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)  # from 1
    after: Mapped[str | None] = mapped_column(Text)  # where the part before ends; None: from the beginning
    upto: Mapped[str] = mapped_column(Text)  # the last place that belongs to it
    units: Mapped[int] = mapped_column(BigInteger)  # of progress between the two
    state: Mapped[PartState] = mapped_column(value_enum(PartState), default=PartState.WAITING)
    done: Mapped[int] = mapped_column(BigInteger, default=0)  # units so far; of a done part all that it was made from
    rows: Mapped[int | None] = mapped_column(BigInteger)  # what it holds, once done
    unreadable: Mapped[int | None] = mapped_column(BigInteger)  # occurrences that belong to it and could not be read
    size: Mapped[int | None] = mapped_column(BigInteger)  # bytes
    sha256: Mapped[str | None] = mapped_column(String(64))
    key: Mapped[str | None] = mapped_column(String(128))
    filename: Mapped[str | None] = mapped_column(String(255))
    media_type: Mapped[str | None] = mapped_column(String(64))
    __table_args__ = (
        Index("ix_job_parts_undone", "state", "job_id", "number", postgresql_where=UNDONE, sqlite_where=UNDONE),
    )


def freeze(session: Session, plan: JobPlan, parts: list[dict[str, Any]]) -> None:
    """Store a plan and its parts: values of `number`, `after`, `upto` and `units`."""
    session.add(plan)
    session.flush()
    if parts:
        session.execute(
            insert(JobPart), [{"job_id": plan.job_id, "enqueue_after": plan.made_at, **part} for part in parts]
        )


def plan_of(session: Session, job_id: str) -> JobPlan | None:
    """The plan of a job, if it has come to one."""
    return session.get(JobPlan, job_id)


def parts_of(session: Session, job_id: str) -> list[JobPart]:
    """The parts of a job by their numbers."""
    return list(session.scalars(select(JobPart).where(JobPart.job_id == job_id).order_by(JobPart.number)))


def is_undone(session: Session, job_id: str) -> bool:
    """True while a part of the job is not done."""
    undone = exists().where(JobPart.job_id == job_id, JobPart.state != PartState.DONE)
    return bool(session.scalar(select(undone)))


def find_part(session: Session, job_id: str, number: int) -> JobPart | None:
    """One part."""
    return session.get(JobPart, (job_id, number))


def parts_running(session: Session) -> int:
    """How many parts of live jobs are at work."""
    running = select(func.count()).select_from(JobPart).join(Job, Job.id == JobPart.job_id)
    return session.scalar(running.where(JobPart.state == PartState.RUNNING, Job.state == JobState.RUNNING)) or 0


def next_part(session: Session, now: datetime) -> tuple[JobPart, Job, datetime | None] | None:
    """The part to make next, its job, and when its tenant was last served, least recently first. Locks the part."""
    statement = (
        select(JobPart, Job, FairShare.served_at)
        .join(Job, Job.id == JobPart.job_id)
        .outerjoin(FairShare, FairShare.app_id == Job.app_id)
        .where(
            JobPart.state == PartState.WAITING,
            Job.state == JobState.RUNNING,
            is_due(JobPart, now),
        )
        .order_by(FairShare.served_at.asc().nulls_first(), Job.created_at, Job.id, JobPart.number)
        .limit(1)
    )
    row = session.execute(statement.with_for_update(of=JobPart, skip_locked=True)).first()
    return (row[0], row[1], row[2]) if row else None


def show_progress(session: Session, job_id: str) -> None:
    """Count in the job's row what its parts have done."""
    done = select(func.coalesce(func.sum(JobPart.done), 0)).where(JobPart.job_id == job_id).scalar_subquery()
    rows_changed(session, update(Job).where(Job.id == job_id, Job.state == JobState.RUNNING).values(progress_done=done))


def whole_jobs(session: Session, queue: str, limit: int) -> list[Job]:
    """Running jobs in a queue whose parts are all done."""
    undone = exists().where(JobPart.job_id == Job.id, JobPart.state != PartState.DONE)
    whole = select(Job).where(Job.state == JobState.RUNNING, Job.queue == queue, ~undone)
    return list(session.scalars(whole.order_by(Job.created_at, Job.id).limit(limit)))


def drop_parts(session: Session, job_id: str) -> None:
    """Forget plan and parts of a job whose files are gone."""
    for table in (JobPart, JobPlan):
        session.execute(delete(table).where(table.job_id == job_id))


def stored_parts(session: Session, job_ids: set[str]) -> list[JobPart]:
    """The parts with a stored object, of these jobs."""
    stored = select(JobPart).where(JobPart.job_id.in_(job_ids), JobPart.key.is_not(None))
    return list(session.scalars(stored.order_by(JobPart.job_id, JobPart.number)))


_OF_A_LIVE_JOB = exists().where(Job.id == JobPart.job_id, Job.state == JobState.RUNNING)

LEASING = Leasing(
    JobPart,
    waiting=(JobPart.state == PartState.WAITING, _OF_A_LIVE_JOB),
    working=(JobPart.state == PartState.RUNNING, _OF_A_LIVE_JOB),
    order=(JobPart.job_id, JobPart.number),
    begun={"state": PartState.RUNNING, "done": 0},
    freed={"state": PartState.WAITING, "done": 0},
    by_enqueue_after=False,
)
