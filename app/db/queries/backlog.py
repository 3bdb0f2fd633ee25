"""How much work waits, for metrics: counts over several tables in a few indexed statements."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.db.models.job import FAILED, LIVE, Job, JobState
from app.db.models.job_part import JobPart, PartState
from app.db.models.log import Log, LogStatus
from app.db.models.webhook import Delivery, DeliveryState

INGEST, PARTS, PUSH = "ingest", "parts", "push"


class WaitingCounts(NamedTuple):
    """What stands in one queue."""

    number: int
    since: datetime | None  # the oldest of it


@dataclass(frozen=True)
class Backlog:
    """What waits, as one snapshot of the database shows it."""

    jobs: dict[tuple[str, str], int]  # (kind, state) -> rows, of live and of failed jobs
    queues: dict[
        str, WaitingCounts
    ]  # jobs by their queue, logs as `ingest`, parts of jobs as `parts`, due deliveries as `push`


def backlog(session: Session, now: datetime) -> Backlog:
    """Count live and failed jobs and all that waits: what partial indexes hold, however many others there are."""
    by_job_type = select(Job.kind, Job.state, func.count()).group_by(Job.kind, Job.state)
    states = [row for some in (LIVE, FAILED) for row in session.execute(by_job_type.where(some))]
    jobs = {(kind, state.value): number for kind, state, number in states}
    queued = select(Job.queue, func.count(), func.min(Job.created_at)).where(LIVE, text("state = 'queued'"))
    queues = {
        queue: WaitingCounts(number, since) for queue, number, since in session.execute(queued.group_by(Job.queue))
    }
    logs = select(func.count(), func.min(Log.received_at)).where(Log.status == LogStatus.RECEIVED)
    parts = select(func.count(), func.min(Job.created_at)).join(JobPart, JobPart.job_id == Job.id)
    parts = parts.where(Job.state == JobState.RUNNING, JobPart.state == PartState.WAITING)
    due = select(func.count(), func.min(Delivery.next_at))
    due = due.where(Delivery.state == DeliveryState.PENDING, Delivery.next_at <= now)
    for queue, statement in ((INGEST, logs), (PARTS, parts), (PUSH, due)):
        queues[queue] = WaitingCounts(*session.execute(statement).one())
    return Backlog(jobs, queues)
