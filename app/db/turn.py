"""Whose turn it is: when a tenant's job was last begun."""

from datetime import UTC, datetime

from sqlalchemy import ForeignKey, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db import Base, insert_or_ignore, rows_changed


class Turn(Base):
    """One tenant (an app) that has had a job done. Tenants take turns, however long their lines."""

    __tablename__ = "turns"
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True)
    served_at: Mapped[datetime]  # when a job of it was last begun
    digested_at: Mapped[datetime | None]  # the same of a digest


def serve(session: Session, app_id: int, now: datetime) -> None:
    """Record that a tenant's work is begun."""
    if not insert_or_ignore(session, Turn, {"app_id": app_id, "served_at": now}):
        rows_changed(session, update(Turn).where(Turn.app_id == app_id).values(served_at=now))


def digested(session: Session, app_ids: set[int], now: datetime) -> None:
    """Record that digests of some tenants' logs are begun. SQLite's; PostgreSQL does it within the claim."""
    never = datetime(1970, 1, 1, tzinfo=UTC)
    rows = [{"app_id": app_id, "served_at": never, "digested_at": now} for app_id in sorted(app_ids)]
    insert = sqlite.insert(Turn).values(rows)
    session.execute(
        insert.on_conflict_do_update(index_elements=[Turn.app_id], set_={"digested_at": insert.excluded.digested_at})
    )
