"""Fair share between tenants: when a job of each was last begun. The tenant served least recently comes first."""

from datetime import UTC, datetime

from sqlalchemy import ForeignKey, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, insert_or_ignore, rows_changed


class FairShare(Base):
    """One tenant (an app) that has had a job done. Its share does not depend on how many of its jobs wait."""

    __tablename__ = "turns"
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True)
    served_at: Mapped[datetime]  # when a job of it was last begun
    digested_at: Mapped[datetime | None]  # when a digest of it was last begun


def serve(session: Session, app_id: int, now: datetime) -> None:
    """Record that a tenant's work is begun."""
    if not insert_or_ignore(session, FairShare, {"app_id": app_id, "served_at": now}):
        rows_changed(session, update(FairShare).where(FairShare.app_id == app_id).values(served_at=now))


def digested(session: Session, app_ids: set[int], now: datetime) -> None:
    """Record that digests of these tenants' logs are begun, on SQLite; PostgreSQL does it within the claim."""
    never = datetime(1970, 1, 1, tzinfo=UTC)
    rows = [{"app_id": app_id, "served_at": never, "digested_at": now} for app_id in sorted(app_ids)]
    insert = sqlite.insert(FairShare).values(rows)
    session.execute(
        insert.on_conflict_do_update(
            index_elements=[FairShare.app_id], set_={"digested_at": insert.excluded.digested_at}
        )
    )
