"""Jobs: one row per request for a computed result. The row is the truth; a message only rings for it."""

import enum
import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, and_, delete, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db import Base, insert_or_ignore, rows_changed, value_enum
from app.db.log import RING_AGAIN_AFTER, RING_AT_MOST_EVERY


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


def new_job_id() -> str:
    """24 random lower-case hex digits."""
    return secrets.token_hex(12)


class Job(Base):
    """One computation that clients poll until `state` is final. Only app.jobs changes `state`."""

    __tablename__ = "jobs"
    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))  # module name in app.jobs.kinds
    key: Mapped[str] = mapped_column(String(64))  # sha256 hex of kind and normalised question
    params: Mapped[str] = mapped_column(Text)  # the normalised question as canonical JSON
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id"))
    crash_id: Mapped[int] = mapped_column(ForeignKey("crashes.id"))
    state: Mapped[JobState] = mapped_column(value_enum(JobState), default=JobState.QUEUED)
    request_id: Mapped[str | None] = mapped_column(
        String(64)
    )  # of the request that began it, for the worker's log lines
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]  # of the latest attempt
    finished_at: Mapped[datetime | None]  # when the state became final
    expires_at: Mapped[datetime | None]  # result gone (finished) or row forgotten (other final states)
    attempt: Mapped[int] = mapped_column(default=0)  # attempts begun; also fences: only the latest may publish
    lease_expires_at: Mapped[datetime | None]
    ring_after: Mapped[datetime]
    rings: Mapped[int] = mapped_column(default=0)
    progress_done: Mapped[int] = mapped_column(BigInteger, default=0)
    progress_total: Mapped[int] = mapped_column(BigInteger, default=0)
    preview_key: Mapped[str | None] = mapped_column(String(128))  # stored JSON list of the first rows, while running
    data_revision: Mapped[int | None] = mapped_column(BigInteger)  # the crash's revision that the result shows at least
    result_text: Mapped[str | None] = mapped_column(Text)  # a small result itself, besides its stored copy
    result_key: Mapped[str | None] = mapped_column(String(128))
    result_size: Mapped[int | None] = mapped_column(BigInteger)  # bytes
    result_sha256: Mapped[str | None] = mapped_column(String(64))
    result_filename: Mapped[str | None] = mapped_column(String(255))
    result_media_type: Mapped[str | None] = mapped_column(String(64))
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_status: Mapped[int | None]  # HTTP
    error_message: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        Index(
            "uq_jobs_live_key", "key", unique=True, postgresql_where=LIVE, sqlite_where=LIVE
        ),  # equal questions, one job
        Index("ix_jobs_key_created_at", "key", "created_at"),
        Index("ix_jobs_live_ring_after", "ring_after", postgresql_where=LIVE, sqlite_where=LIVE),
        Index("ix_jobs_expires_at", "expires_at"),
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
    __table_args__ = (Index("ix_job_askers_user_id_asked_at", "user_id", "asked_at"),)


def insert_job(session: Session, values: dict[str, Any]) -> bool:
    """Insert a queued job; False when a live one has the same key."""
    return insert_or_ignore(session, Job, values)


def latest_job(session: Session, key: str, user_id: int) -> tuple[Job, bool] | None:
    """The newest job for a question, and whether this user has asked for it before."""
    return _with_asker(session, user_id, Job.key == key)


def find_job(session: Session, job_id: str, user_id: int) -> tuple[Job, bool] | None:
    """The job with this id, and whether this user has asked for it before."""
    return _with_asker(session, user_id, Job.id == job_id)


def _with_asker(session: Session, user_id: int, condition: Any) -> tuple[Job, bool] | None:
    asked = and_(JobAsker.job_id == Job.id, JobAsker.user_id == user_id)
    statement = select(Job, JobAsker.user_id).outerjoin(JobAsker, asked).where(condition)
    live_first = Job.state.in_(
        LIVE_STATES
    ).desc()  # clocks of two machines differ, so the newest need not be the live one
    row = session.execute(statement.order_by(live_first, Job.created_at.desc(), Job.id).limit(1)).first()
    return (row[0], row[1] is not None) if row else None


def jobs_of(session: Session, user_id: int, limit: int, offset: int) -> list[Job]:
    """The jobs a user has asked for, newest first."""
    statement = select(Job).join(JobAsker, JobAsker.job_id == Job.id).where(JobAsker.user_id == user_id)
    newest_first = statement.order_by(JobAsker.asked_at.desc(), Job.id).limit(limit).offset(offset)
    return list(session.scalars(newest_first))


def askers_of(session: Session, job_id: str) -> list[int]:
    """The users who have asked for a job."""
    return list(session.scalars(select(JobAsker.user_id).where(JobAsker.job_id == job_id)))


def move(
    session: Session,
    job_id: str,
    from_states: tuple[JobState, ...],
    attempt: int | None,
    /,
    *,
    overdue_at: datetime | None = None,
    **values: Any,
) -> bool:
    """Compare and set: change the row only while it is in one of the states and, if given, in that attempt.

    With `overdue_at` only if its lease has run out by then as well.
    """
    condition = [Job.id == job_id, Job.state.in_(from_states)]
    if attempt is not None:
        condition.append(Job.attempt == attempt)
    if overdue_at is not None:
        condition.append(Job.lease_expires_at <= overdue_at)
    return rows_changed(session, update(Job).where(*condition).values(**values)) == 1


def unheard_jobs(session: Session, now: datetime, limit: int) -> list[str]:
    """Ids of queued jobs whose ring is due; each is pushed back, so that two sweeps do not ring for the same."""
    due = select(Job).where(Job.state == JobState.QUEUED, Job.ring_after <= now).order_by(Job.ring_after).limit(limit)
    jobs = list(session.scalars(due.with_for_update(skip_locked=True)))
    for job in jobs:
        job.ring_after = now + ring_pause(job.rings)
        job.rings += 1
    session.flush()
    return [job.id for job in jobs]


def ring_pause(rings: int) -> timedelta:
    """How long after the n-th ring the next one is due."""
    return min(RING_AGAIN_AFTER * int(2 ** min(rings, 8)), RING_AT_MOST_EVERY)


def overdue_jobs(session: Session, now: datetime, limit: int) -> list[Job]:
    """Running jobs whose worker has stopped renewing its lease."""
    overdue = select(Job).where(Job.state == JobState.RUNNING, Job.lease_expires_at <= now)
    return list(session.scalars(overdue.order_by(Job.lease_expires_at).limit(limit)))


def past_jobs(session: Session, now: datetime, limit: int) -> list[Job]:
    """Ended jobs past `expires_at`."""
    past = select(Job).where(Job.state.not_in(LIVE_STATES), Job.expires_at <= now)
    return list(session.scalars(past.order_by(Job.expires_at).limit(limit)))


def forget(session: Session, job_id: str) -> None:
    """Delete the row of an ended job; nothing happens when it is gone already."""
    session.execute(delete(Job).where(Job.id == job_id, Job.state.not_in(LIVE_STATES)))
