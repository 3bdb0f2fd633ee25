"""Rows that wait for work and may be claimed now, whether or not a task message for them was enqueued a moment ago."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.db.erasure import Erasure, ErasureState
from app.db.job import Job, JobState
from app.db.log import Log, LogStatus
from app.db.symbols import SymbolFile, SymbolState


class DueRows(NamedTuple):
    """Ids of rows, oldest first. Parts and regroupings are missing: the sweep asks for those every 5 s anyway."""

    logs: list[int]
    jobs: list[tuple[str, str]]  # (id, queue): one job of each queue, for a worker takes the one that is next in turn
    symbols: list[int]
    erasures: list[str]


def due_rows(session: Session, now: datetime, limit: int) -> DueRows:
    """What could be claimed now, up to so many rows of each type. Another worker may be quicker: claim before work."""

    def past(moment: InstrumentedAttribute[datetime | None]) -> ColumnElement[bool]:
        return or_(moment.is_(None), moment <= now)

    logs = select(Log.id).where(Log.status == LogStatus.RECEIVED, past(Log.lease_expires_at))
    jobs = select(func.min(Job.id), Job.queue).where(Job.state == JobState.QUEUED, past(Job.not_before))
    symbols = select(SymbolFile.id).where(SymbolFile.state == SymbolState.RECEIVED, past(SymbolFile.lease_expires_at))
    erasures = select(Erasure.id).where(
        Erasure.state == ErasureState.LIVE, past(Erasure.lease_expires_at), past(Erasure.not_before)
    )
    return DueRows(
        list(session.scalars(logs.order_by(Log.id).limit(limit))),
        [(job_id, queue) for job_id, queue in session.execute(jobs.group_by(Job.queue))],
        list(session.scalars(symbols.order_by(SymbolFile.id).limit(limit))),
        list(session.scalars(erasures.order_by(Erasure.created_at, Erasure.id).limit(limit))),
    )
