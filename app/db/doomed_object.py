"""Stored objects whose rows are gone: written with the deletion of the rows, dropped once the objects are deleted."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, delete, exists, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db import Base


class DoomedObject(Base):
    """The key of an object that is to be deleted."""

    __tablename__ = "doomed_objects"
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    erasure_id: Mapped[str | None] = mapped_column(ForeignKey("erasures.id"), index=True)  # which waits for it
    doomed_at: Mapped[datetime]


def doom(session: Session, keys: list[str], erasure_id: str | None, now: datetime) -> None:
    """Let these objects be deleted; a key that is there already stays as it is, but for the erasure that waits."""
    known = set(session.scalars(select(DoomedObject.key).where(DoomedObject.key.in_(keys))))
    new = [{"key": key, "erasure_id": erasure_id, "doomed_at": now} for key in keys if key not in known]
    if new:
        session.execute(insert(DoomedObject), new)


def doomed(session: Session, erasure_id: str | None, limit: int) -> list[DoomedObject]:
    """What waits to be deleted, for an erasure or for none, the oldest first."""
    mine = DoomedObject.erasure_id.is_(None) if erasure_id is None else DoomedObject.erasure_id == erasure_id
    statement = select(DoomedObject).where(mine).order_by(DoomedObject.doomed_at, DoomedObject.key)
    return list(session.scalars(statement.limit(limit)))


def any_doomed(session: Session, erasure_id: str) -> bool:
    """True while objects of an erasure wait."""
    return bool(session.scalar(select(exists().where(DoomedObject.erasure_id == erasure_id))))


def deleted(session: Session, keys: list[str]) -> None:
    """Forget these: their objects are gone, or belong to a log again."""
    session.execute(delete(DoomedObject).where(DoomedObject.key.in_(keys)))
