"""Stored objects that are to be deleted: written with the deletion of their rows, dropped once the objects are deleted."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, delete, exists, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base


class PendingDeletion(Base):
    """The key of an object that is to be deleted."""

    __tablename__ = "doomed_objects"
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    erasure_id: Mapped[str | None] = mapped_column(ForeignKey("erasures.id"), index=True)  # which waits for it
    requested_at: Mapped[datetime] = mapped_column("doomed_at", key="requested_at")


def schedule_deletion(session: Session, keys: list[str], erasure_id: str | None, now: datetime) -> None:
    """Have these objects deleted. A key that is pending already stays as it is, but for the erasure that waits."""
    known = set(session.scalars(select(PendingDeletion.key).where(PendingDeletion.key.in_(keys))))
    new = [{"key": key, "erasure_id": erasure_id, "requested_at": now} for key in keys if key not in known]
    if new:
        session.execute(insert(PendingDeletion), new)


def pending_deletions(session: Session, erasure_id: str | None, limit: int) -> list[PendingDeletion]:
    """At most `limit` deletions that an erasure waits for, or none does, the oldest first."""
    mine = PendingDeletion.erasure_id.is_(None) if erasure_id is None else PendingDeletion.erasure_id == erasure_id
    statement = select(PendingDeletion).where(mine).order_by(PendingDeletion.requested_at, PendingDeletion.key)
    return list(session.scalars(statement.limit(limit)))


def is_any_pending(session: Session, erasure_id: str) -> bool:
    """True while deletions of an erasure are pending."""
    return bool(session.scalar(select(exists().where(PendingDeletion.erasure_id == erasure_id))))


def deleted(session: Session, keys: list[str]) -> None:
    """Forget these: their objects are gone, or belong to a log again."""
    session.execute(delete(PendingDeletion).where(PendingDeletion.key.in_(keys)))
