"""Jobs: one row per request for a computed result. The row is the truth; a task message only wakes a worker for it."""

import enum
import secrets
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Exists,
    ForeignKey,
    Index,
    String,
    Text,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, insert_or_ignore, rows_changed, value_enum
from app.db.models.fair_share import FairShare
from app.db.work import LONGEST_PAUSE, Leased, Leasing


class JobState(enum.StrEnum):
    """queued -> running -> finished | failed; queued | running -> cancelled; finished -> expired."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


LIVE_STATES = (JobState.QUEUED, JobState.RUNNING)
LIVE = text("state IN ('queued', 'running')")
LIVE_FIRST = text("jobs.state IN ('queued', 'running') DESC")
"""To order by: clocks of two machines differ, so the newest job of a request need not be the live one."""
FAILED = text("state = 'failed'")
CANCELLED = text("state = 'cancelled'")


def new_job_id() -> str:
    """24 random lower-case hex digits."""
    return secrets.token_hex(12)


class Job(Leased, Base):
    """One computation that clients poll until `state` is final. Only app.jobs changes `state`."""

    __tablename__ = "jobs"
    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))  # job type: a name in app.jobs.JOB_TYPES
    key: Mapped[str] = mapped_column(String(64))  # sha256 hex of job type and normalised request
    params: Mapped[str] = mapped_column(Text)  # the normalised request as canonical JSON
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id"))
    crash_id: Mapped[int | None] = mapped_column(ForeignKey("crashes.id"))  # None: it is about a whole app
    state: Mapped[JobState] = mapped_column(value_enum(JobState), default=JobState.QUEUED)
    request_id: Mapped[str | None] = mapped_column(
        String(64)
    )  # of the request that began it, for the worker's log lines
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]  # of the latest attempt
    finished_at: Mapped[datetime | None]  # when the state became final
    expires_at: Mapped[datetime | None]  # result gone (finished) or row forgotten (other final states)
    queue: Mapped[str] = mapped_column(String(16))  # size class: who works on it
    progress_done: Mapped[int] = mapped_column(BigInteger, default=0)
    progress_total: Mapped[int] = mapped_column(BigInteger, default=0)
    preview_key: Mapped[str | None] = mapped_column(String(128))  # stored JSON list of the first rows, while running
    data_revision: Mapped[int | None] = mapped_column(BigInteger)  # the crash's revision that the result shows at least
    result_text: Mapped[str | None] = mapped_column(Text)  # a small result itself, which is stored nowhere else
    result_key: Mapped[str | None] = mapped_column(String(128))
    result_size: Mapped[int | None] = mapped_column(BigInteger)  # bytes
    result_sha256: Mapped[str | None] = mapped_column(String(64))
    result_filename: Mapped[str | None] = mapped_column(String(255))
    result_media_type: Mapped[str | None] = mapped_column(String(64))
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_status: Mapped[int | None]  # HTTP
    error_message: Mapped[str | None] = mapped_column(Text)
    generation: Mapped[int | None]  # 1 for the first job of its key, then 1 more than that of the one before
    __table_args__ = (
        Index(
            "uq_jobs_live_key", "key", unique=True, postgresql_where=LIVE, sqlite_where=LIVE
        ),  # equal requests, one job
        Index("uq_jobs_key_generation", "key", "generation", unique=True),  # of those that begin the next, one does
        Index(
            "ix_jobs_turns", "queue", "state", "app_id", "created_at", "id", postgresql_where=LIVE, sqlite_where=LIVE
        ),  # also the next job
        Index("ix_jobs_expires_at", "expires_at"),
        Index("ix_jobs_failed", "kind", "state", postgresql_where=FAILED, sqlite_where=FAILED),  # all a count needs
        Index("ix_jobs_cancelled", "id", postgresql_where=CANCELLED, sqlite_where=CANCELLED),  # few among many
    )

    @property
    def is_live(self) -> bool:
        """True while queued or running."""
        return self.state in LIVE_STATES


class JobAsker(Base):
    """A user has asked for a job's result: it is theirs to see, and goes on while one of its askers wants it."""

    __tablename__ = "job_askers"
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    asked_at: Mapped[datetime]
    seen_at: Mapped[datetime]  # of the latest poll, to the minute
    __table_args__ = (Index("ix_job_askers_user_id_asked_at", "user_id", "asked_at"),)


def latest_job(session: Session, key: str, user_id: int) -> tuple[Job, datetime | None] | None:
    """The live or else the newest job for a request, and when this user was last seen to ask for it, if ever."""
    return _with_asker(session, user_id, Job.key == key)


def find_job(session: Session, job_id: str, user_id: int) -> tuple[Job, datetime | None] | None:
    """The job with this id, and when this user was last seen to ask for it, if ever."""
    return _with_asker(session, user_id, Job.id == job_id)


def _with_asker(session: Session, user_id: int, condition: ColumnElement[bool]) -> tuple[Job, datetime | None] | None:
    own = and_(JobAsker.job_id == Job.id, JobAsker.user_id == user_id)
    statement = select(Job, JobAsker.seen_at).outerjoin(JobAsker, own).where(condition)
    row = session.execute(statement.order_by(LIVE_FIRST, Job.created_at.desc(), Job.id).limit(1)).first()
    return (row[0], row[1]) if row else None


def remember_asker(session: Session, job_id: str, user_id: int, now: datetime) -> None:
    """Record that a user asks for a job, now."""
    if not insert_or_ignore(session, JobAsker, {"job_id": job_id, "user_id": user_id, "asked_at": now, "seen_at": now}):
        seen = update(JobAsker).where(JobAsker.job_id == job_id, JobAsker.user_id == user_id).values(seen_at=now)
        rows_changed(session, seen)


def lock_job_shared(session: Session, job_id: str) -> Job | None:
    """The job as it stands, its row locked FOR KEY SHARE: no cancelling until the transaction ends. None when it is gone."""
    return session.get(Job, job_id, populate_existing=True, with_for_update={"read": True, "key_share": True})


def lock_job(session: Session, job_id: str) -> Job | None:
    """The job as it stands, its row locked FOR UPDATE until the transaction ends. None when it is gone."""
    return session.get(Job, job_id, populate_existing=True, with_for_update=True)


def askers_of(session: Session, job_id: str) -> list[int]:
    """The users who have asked for a job."""
    return list(session.scalars(select(JobAsker.user_id).where(JobAsker.job_id == job_id)))


def move(session: Session, job_id: str, from_states: tuple[JobState, ...], /, **values: Any) -> bool:
    """Compare and set: change the row only while it is in one of the states, whichever worker holds it."""
    own = (Job.id == job_id, Job.state.in_(from_states))
    return rows_changed(session, update(Job).where(*own).values(**values)) == 1


def expire(session: Session, job_id: str, forget_at: datetime) -> bool:
    """Let a finished job, whose result is lost, count as expired until its row goes; False when it is no longer finished."""
    finished = (JobState.FINISHED,)
    return move(session, job_id, finished, state=JobState.EXPIRED, result_text=None, expires_at=forget_at)


class NextJob(NamedTuple):
    """A queued job and its place in the line."""

    id: str
    served_at: datetime | None  # when its tenant was last served; None comes first
    created_at: datetime


def next_in_turn(session: Session, queue: str, now: datetime) -> NextJob | None:
    """The queued job to do next: of the tenant served least recently, its oldest job. It only looks; a claim decides."""
    due = or_(Job.not_before.is_(None), Job.not_before <= now, Job.not_before > now + LONGEST_PAUSE)
    statement = (
        select(Job.id, FairShare.served_at, Job.created_at)
        .outerjoin(FairShare, FairShare.app_id == Job.app_id)
        .where(Job.state == JobState.QUEUED, Job.queue == queue, due)
        .order_by(FairShare.served_at.asc().nulls_first(), Job.created_at, Job.id)
        .limit(1)
    )
    row = session.execute(statement).first()
    return NextJob(*row) if row else None


def count_running(session: Session, queue: str) -> int:
    """How many jobs of a queue are at work."""
    running = select(func.count()).select_from(Job).where(Job.state == JobState.RUNNING, Job.queue == queue)
    return session.scalar(running) or 0


def count_live_of(session: Session, user_id: int) -> int:
    """How many live jobs a user waits for."""
    live = select(func.count()).select_from(Job).join(JobAsker, JobAsker.job_id == Job.id)
    return session.scalar(live.where(LIVE, JobAsker.user_id == user_id)) or 0


def abandoned_jobs(session: Session, before: datetime, limit: int) -> list[str]:
    """Ids of live jobs that none of their askers has polled since."""
    statement = select(Job.id).where(LIVE, Job.created_at <= before, ~_seen_after(before))
    return list(session.scalars(statement.order_by(Job.created_at, Job.id).limit(limit)))


def is_abandoned(session: Session, job_id: str, before: datetime) -> bool:
    """True when none of the job's askers has polled it since."""
    return session.scalar(select(Job.id).where(Job.id == job_id, ~_seen_after(before))) is not None


def _seen_after(time: datetime) -> Exists:
    return exists().where(JobAsker.job_id == Job.id, JobAsker.seen_at > time)


def past_jobs(session: Session, now: datetime, limit: int) -> list[Job]:
    """Ended jobs past `expires_at`."""
    past = select(Job).where(Job.state.not_in(LIVE_STATES), Job.expires_at <= now)
    return list(session.scalars(past.order_by(Job.expires_at, Job.created_at, Job.id).limit(limit)))


def forget(session: Session, job_id: str) -> None:
    """Delete the row of an ended job; nothing happens when it is gone already."""
    session.execute(delete(Job).where(Job.id == job_id, Job.state.not_in(LIVE_STATES)))


def finished_jobs_after(session: Session, job_id: str, limit: int) -> list[Job]:
    """Finished jobs in the order of their ids, those after one."""
    finished = select(Job).where(Job.state == JobState.FINISHED, Job.id > job_id)
    return list(session.scalars(finished.order_by(Job.id).limit(limit)))


def find_jobs(session: Session, ids: set[str]) -> list[Job]:
    """The jobs with these ids, as many as there are."""
    return list(session.scalars(select(Job).where(Job.id.in_(ids)).order_by(Job.id)))


LEASING = Leasing(
    Job,
    waiting=(Job.state == JobState.QUEUED,),
    working=(Job.state == JobState.RUNNING,),
    order=(Job.created_at, Job.id),
    begun={"state": JobState.RUNNING},
    freed={"state": JobState.QUEUED},
    by_enqueue_after=False,
)
"""A job that is being made in parts is RUNNING without a lease: its parts have theirs."""
