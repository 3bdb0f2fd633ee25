"""Signs of life: when each part of the service was last seen to work."""

from datetime import datetime

from sqlalchemy import String, delete, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db import Base, insert_or_ignore

WORKER = "worker"


class Pulse(Base):
    """One part and the time of its last sign of life."""

    __tablename__ = "pulses"
    part: Mapped[str] = mapped_column(String(32), primary_key=True)
    seen_at: Mapped[datetime]


def beat(session: Session, part: str, now: datetime) -> None:
    """Record that the part works."""
    if not insert_or_ignore(session, Pulse, {"part": part, "seen_at": now}):
        session.execute(update(Pulse).where(Pulse.part == part).values(seen_at=now))


def last_seen(session: Session, part: str) -> datetime | None:
    """When the part last gave a sign of life."""
    pulse = session.get(Pulse, part)
    return pulse.seen_at if pulse else None


def forget(session: Session, part: str) -> None:
    """Take back the sign of life of a part that is about to start anew."""
    session.execute(delete(Pulse).where(Pulse.part == part))
