"""Saved views: lists of crashes that a user has named, to open them again."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base
from app.db.models.app import MAX_NAME
from app.db.work import BigId


class SavedView(Base):
    """One view of one user of one app."""

    __tablename__ = "saved_views"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    identifier: Mapped[str] = mapped_column(String(24), unique=True)  # random lower-case hex
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    query: Mapped[str] = mapped_column(Text)  # JSON: parameters of the list of crashes
    created_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("user_id", "app_id", "name"),)


def views_of(session: Session, user_id: int, app_id: int) -> list[SavedView]:
    """The views of a user of an app, by name; their number is bounded."""
    mine = select(SavedView).where(SavedView.user_id == user_id, SavedView.app_id == app_id)
    return list(session.scalars(mine.order_by(SavedView.name, SavedView.id)))


def count_views(session: Session, user_id: int, app_id: int) -> int:
    """How many a user has of an app."""
    mine = select(func.count()).where(SavedView.user_id == user_id, SavedView.app_id == app_id)
    return session.scalar(mine) or 0


def drop_view(session: Session, user_id: int, app_id: int, identifier: str) -> bool:
    """Delete a view; False when the user has no such one."""
    mine = (SavedView.user_id == user_id, SavedView.app_id == app_id, SavedView.identifier == identifier)
    return session.execute(delete(SavedView).where(*mine).returning(SavedView.id)).first() is not None


def views_after(session: Session, app_id: int, after: int, limit: int) -> list[SavedView]:
    """Views of an app in the order of their row ids."""
    of_app = select(SavedView).where(SavedView.app_id == app_id, SavedView.id > after)
    return list(session.scalars(of_app.order_by(SavedView.id).limit(limit)))


def drop_views(session: Session, row_ids: list[int]) -> None:
    """Delete views by their row ids."""
    these = delete(SavedView).where(SavedView.id.in_(row_ids))
    session.execute(these, execution_options={"synchronize_session": False})
