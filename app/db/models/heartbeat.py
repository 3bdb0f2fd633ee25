"""Heartbeats: when each part of the service last proved that it works."""

from datetime import datetime

from sqlalchemy import String, delete, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, insert_or_ignore

WORKER = "worker"


class Heartbeat(Base):
    """One part and the time of its last heartbeat."""

    __tablename__ = "pulses"
    part: Mapped[str] = mapped_column(String(32), primary_key=True)
    seen_at: Mapped[datetime]


def record(session: Session, part: str, now: datetime) -> None:
    """Record that the part works now."""
    if not insert_or_ignore(session, Heartbeat, {"part": part, "seen_at": now}):
        session.execute(update(Heartbeat).where(Heartbeat.part == part).values(seen_at=now))


def last_seen(session: Session, part: str) -> datetime | None:
    """When the part last recorded a heartbeat; None: never."""
    row = session.get(Heartbeat, part)
    return row.seen_at if row else None


def forget(session: Session, part: str) -> None:
    """Delete the heartbeat of a part that is about to start anew."""
    session.execute(delete(Heartbeat).where(Heartbeat.part == part))
