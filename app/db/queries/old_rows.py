"""What is older than it is kept: logs, occurrences and results of one app, each found by an index, some at a time."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.db.engine import rows_changed
from app.db.models.crash import Crash
from app.db.models.job import Job, JobState
from app.db.models.log import Log, LogStatus
from app.db.models.occurrence import Occurrence

CRASHES_AT_ONCE = 20


def old_logs(session: Session, app_id: int, before: datetime, limit: int, *, with_bytes: bool = False) -> list[int]:
    """Row ids of digested or rejected logs that arrived before, the oldest first; `with_bytes`: that have them still."""
    statement = select(Log.id).where(Log.app_id == app_id, Log.received_at < before, Log.status != LogStatus.RECEIVED)
    if with_bytes:
        statement = statement.where(Log.removed_at.is_(None))
    return list(session.scalars(statement.order_by(Log.received_at, Log.id).limit(limit)))


def crashes_with_old(session: Session, app_id: int, before: datetime) -> list[int]:
    """Row ids of some crashes that have an occurrence that was seen before."""
    statement = select(Crash.id).where(Crash.app_id == app_id, Crash.first_seen < before, Crash.occurrences_count > 0)
    return list(session.scalars(statement.order_by(Crash.first_seen, Crash.id).limit(CRASHES_AT_ONCE)))


def old_occurrences(session: Session, crash_id: int, before: datetime, limit: int) -> list[int]:
    """Row ids of a crash's occurrences that were seen before, the oldest first."""
    of_crash = select(Occurrence.id).where(Occurrence.crash_id == crash_id)
    right = of_crash.where(Occurrence.occurred_at < before, Occurrence.seen_at.is_(None))
    found = list(session.scalars(right.order_by(Occurrence.occurred_at, Occurrence.id).limit(limit)))
    if found:
        return found
    wrong = of_crash.where(Occurrence.seen_at < before).order_by(Occurrence.seen_at, Occurrence.id)
    return list(session.scalars(wrong.limit(limit)))


def expire_old(session: Session, app_id: int, before: datetime, now: datetime, limit: int) -> int:
    """Let results that were finished before expire now; the sweep then deletes them. Returns how many."""
    old = select(Job.id).where(
        Job.app_id == app_id, Job.state == JobState.FINISHED, Job.finished_at < before, Job.expires_at > now
    )
    these = update(Job).where(Job.id.in_(old.order_by(Job.expires_at, Job.id).limit(limit).scalar_subquery()))
    return rows_changed(session, these.values(expires_at=now))
