"""Whose turn it is: when a tenant's job was last begun."""

from datetime import datetime

from sqlalchemy import ForeignKey, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db import Base, insert_or_ignore, rows_changed


class Turn(Base):
    """One tenant (an app) that has had a job done. Tenants take turns, however long their lines."""

    __tablename__ = "turns"
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True)
    served_at: Mapped[datetime]


def serve(session: Session, app_id: int, now: datetime) -> None:
    """Record that a tenant's work is begun."""
    if not insert_or_ignore(session, Turn, {"app_id": app_id, "served_at": now}):
        rows_changed(session, update(Turn).where(Turn.app_id == app_id).values(served_at=now))
