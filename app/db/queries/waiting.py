"""What waits, for metrics: how much work, and since when the oldest of each type."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    SQLColumnExpression,
    TextClause,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    text,
    union_all,
)
from sqlalchemy.orm import Session

from app.db.models import erasure, regrouping, symbols, webhook
from app.db.models.data_exporter import THEIRS, UNDONE, DataExporterRun
from app.db.models.erasure import Erasure
from app.db.models.job import FAILED, LIVE, Job, JobState
from app.db.models.job_part import JobPart, PartState
from app.db.models.log import WAITING, Log, LogStatus
from app.db.models.regrouping import Regrouping
from app.db.models.symbols import SymbolFile
from app.db.models.webhook import Delivery, DeliveryState, Webhook

INGEST, PARTS, PUSH = "ingest", "parts", "push"
TYPES = ("job", "part", "log", "regrouping", "symbols", "erasure", "export_run", "delivery")
_Time = SQLColumnExpression[datetime] | SQLColumnExpression[datetime | None]
_NOW: ColumnElement[datetime] = bindparam("now", type_=Log.received_at.type)


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


def oldest_waiting(session: Session, now: datetime) -> dict[str, datetime | None]:
    """Type of work -> since when its oldest due row waits; None where none is due. All TYPES are in it, in their order."""
    found = {row.type: row.since for row in session.execute(_OLDEST, {"now": now})}
    return {type_: found[type_] for type_ in TYPES}


def _is_past(time: _Time) -> ColumnElement[bool]:
    return or_(time.is_(None), time <= _NOW)


def _latest(first: _Time, *others: _Time) -> _Time:
    """The latest of the times; NULL does not count. Both databases have a function of another name."""
    for other in others:
        first = case((other > first, other), else_=first)
    return first


def _oldest(type_: str, since: _Time, *due: SQLColumnExpression[bool] | TextClause) -> Select[str, datetime | None]:
    return select(literal(type_).label("type"), func.min(since).label("since")).where(*due)


def _statement() -> CompoundSelect[str, datetime | None]:
    part = _oldest("part", _latest(Job.created_at, JobPart.not_before),
                   text("job_parts.state = 'waiting'"), text("jobs.state = 'running'"), _is_past(JobPart.not_before))  # fmt: skip
    delivery = _oldest("delivery", _latest(Delivery.next_at, Webhook.lease_expires_at),
                       webhook.PENDING, Delivery.next_at <= _NOW, Webhook.active, _is_past(Webhook.lease_expires_at))  # fmt: skip
    return union_all(
        _oldest("job", _latest(Job.created_at, Job.not_before), LIVE, text("state = 'queued'"), _is_past(Job.not_before)),
        part.select_from(JobPart).join(Job, Job.id == JobPart.job_id),
        _oldest("log", _latest(Log.received_at, Log.not_before, Log.lease_expires_at),
                WAITING, _is_past(Log.not_before), _is_past(Log.lease_expires_at)),
        _oldest("regrouping", _latest(Regrouping.created_at, Regrouping.lease_expires_at),
                regrouping.LIVE, _is_past(Regrouping.lease_expires_at)),
        _oldest("symbols", _latest(SymbolFile.received_at, SymbolFile.lease_expires_at),
                symbols.WAITING, _is_past(SymbolFile.lease_expires_at)),
        _oldest("erasure", _latest(Erasure.created_at, Erasure.not_before, Erasure.lease_expires_at),
                erasure.LIVE, _is_past(Erasure.not_before), _is_past(Erasure.lease_expires_at)),
        _oldest("export_run", _latest(DataExporterRun.not_before, DataExporterRun.lease_expires_at),
                UNDONE, THEIRS, DataExporterRun.not_before <= _NOW, _is_past(DataExporterRun.lease_expires_at)),
        delivery.select_from(Delivery).join(Webhook, Webhook.id == Delivery.webhook_id),
    )  # fmt: skip


_OLDEST = _statement()
