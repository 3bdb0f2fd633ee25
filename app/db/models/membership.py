"""Who may see which app."""

from sqlalchemy import ForeignKey, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, insert_or_ignore
from app.db.models.user import User


class Membership(Base):
    """A user may see an app."""

    __tablename__ = "memberships"
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True, index=True)


def is_member(session: Session, user_id: int, app_id: int) -> bool:
    """True when the user may see the app."""
    return session.get(Membership, (user_id, app_id)) is not None


def members_of(session: Session, app_id: int, limit: int, offset: int) -> list[str]:
    """The e-mails of those who may see an app, in their order."""
    statement = select(User.email).join(Membership, Membership.user_id == User.id).where(Membership.app_id == app_id)
    return list(session.scalars(statement.order_by(User.email).limit(limit).offset(offset)))


def count_members(session: Session, app_id: int) -> int:
    """How many there are."""
    return session.scalar(select(func.count()).select_from(Membership).where(Membership.app_id == app_id)) or 0


def add_member(session: Session, app_id: int, user_id: int) -> bool:
    """Let a user see an app; False when they do already."""
    return insert_or_ignore(session, Membership, {"app_id": app_id, "user_id": user_id})


def drop_member(session: Session, app_id: int, user_id: int) -> None:
    """Let a user see an app no more."""
    session.execute(delete(Membership).where(Membership.app_id == app_id, Membership.user_id == user_id))
