"""Removals of apps: rows that workers work off until nothing of an app is left."""

from datetime import datetime

from sqlalchemy import Index, String, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base
from app.db.work import BigId, Leased, Leasing

LIVE = text("finished_at IS NULL")


class AppRemoval(Leased, Base):
    """The removal of one app. Its row outlives that of the app."""

    __tablename__ = "app_removals"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    app_id: Mapped[int] = mapped_column(unique=True)  # row id; no foreign key, for the app goes first
    identifier: Mapped[str] = mapped_column(String(24))  # of the app: names its folders in the store
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    __table_args__ = (Index("ix_app_removals_due", "enqueue_after", postgresql_where=LIVE, sqlite_where=LIVE),)


def find_removal(session: Session, app_id: int) -> AppRemoval | None:
    """The removal of an app, by its row id."""
    return session.scalar(select(AppRemoval).where(AppRemoval.app_id == app_id))


LEASING = Leasing(
    AppRemoval,
    waiting=(AppRemoval.finished_at.is_(None),),
    working=(AppRemoval.finished_at.is_(None),),
    order=(AppRemoval.created_at, AppRemoval.id),
)
