"""The worker processes that are alive: each writes its row every few seconds."""

from datetime import datetime, timedelta

from sqlalchemy import String, delete, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, insert_or_ignore, rows_changed


class WorkerProcess(Base):
    """One process that runs tasks."""

    __tablename__ = "worker_processes"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)  # host:pid
    seen_at: Mapped[datetime]  # UTC; when it last wrote this row


def write_heartbeat(session: Session, process_id: str, now: datetime, forget_after: timedelta) -> None:
    """Record that a process is alive, and forget those that were silent for so long, or seen when clocks were ahead."""
    this = update(WorkerProcess).where(WorkerProcess.id == process_id)
    if not rows_changed(session, this.values(seen_at=now)):
        insert_or_ignore(session, WorkerProcess, {"id": process_id, "seen_at": now})
    seen = WorkerProcess.seen_at
    session.execute(delete(WorkerProcess).where(or_(seen < now - forget_after, seen > now + forget_after)))


def live_processes(session: Session, since: datetime) -> list[str]:
    """Ids of the processes that have been seen since; the lowest first."""
    seen = select(WorkerProcess.id).where(WorkerProcess.seen_at >= since)
    return list(session.scalars(seen.order_by(WorkerProcess.id)))


def remove_process(session: Session, process_id: str) -> None:
    """Forget a process that ends."""
    session.execute(delete(WorkerProcess).where(WorkerProcess.id == process_id))
