"""How much work waits, for metrics: counts over several tables in a few indexed statements."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.job import FAILED, LIVE, Job, JobState
from app.db.log import Log, LogStatus


@dataclass(frozen=True)
class Backlog:
    """What waits at one moment."""

    jobs: dict[tuple[str, str], int]  # (kind, state) -> rows, of live and of failed jobs
    oldest_queued_job: datetime | None
    logs_waiting: int
    oldest_waiting_log: datetime | None


def backlog(session: Session) -> Backlog:
    """Count live and failed jobs and the logs that wait: what partial indexes hold, however many others there are."""
    by_kind = select(Job.kind, Job.state, func.count()).group_by(Job.kind, Job.state)
    states = [row for some in (LIVE, FAILED) for row in session.execute(by_kind.where(some))]
    jobs = {(kind, state.value): number for kind, state, number in states}
    oldest_job = session.scalar(select(func.min(Job.created_at)).where(Job.state == JobState.QUEUED))
    waiting = select(func.count(), func.min(Log.received_at)).where(Log.status == LogStatus.RECEIVED)
    number, oldest_log = session.execute(waiting).one()
    return Backlog(jobs, oldest_job, number, oldest_log)
