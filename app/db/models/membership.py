"""Who may see which app, and in which role."""

from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import ForeignKey, String, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, insert_or_ignore, rows_changed
from app.db.models.user import User


class Role(StrEnum):
    """What a member may do in an app; each covers those before it."""

    VIEWER = "viewer"  # see everything but secrets
    MEMBER = "member"  # change what a team changes daily
    OWNER = "owner"  # change everything

    def covers(self, needed: "Role") -> bool:
        """True when this role is at least the one that is needed."""
        return _ORDER.index(self) >= _ORDER.index(needed)


_ORDER = tuple(Role)


class AppMember(NamedTuple):
    """Somebody who may see an app."""

    email: str
    role: Role


class Membership(Base):
    """A user may see an app. The previous release inserts rows without a role: its members may do everything."""

    __tablename__ = "memberships"
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(8), server_default=Role.OWNER.value)


def role_of(session: Session, user_id: int, app_id: int) -> Role | None:
    """The user's role in the app; None for who is no member."""
    found = session.scalar(select(Membership.role).where(Membership.user_id == user_id, Membership.app_id == app_id))
    return None if found is None else Role(found)


def is_member(session: Session, user_id: int, app_id: int) -> bool:
    """True when the user may see the app."""
    return session.get(Membership, (user_id, app_id)) is not None


def members_of(session: Session, app_id: int, limit: int, offset: int) -> list[AppMember]:
    """Those who may see an app, by e-mail."""
    statement = select(User.email, Membership.role).join(Membership, Membership.user_id == User.id)
    page = statement.where(Membership.app_id == app_id).order_by(User.email).limit(limit).offset(offset)
    return [AppMember(email, Role(role)) for email, role in session.execute(page)]


def has_other_owner(session: Session, app_id: int, user_id: int) -> bool:
    """Whether an app has an owner beside this user; who is disabled is none."""
    others = select(Membership.user_id).join(User, User.id == Membership.user_id)
    mine = others.where(Membership.app_id == app_id, Membership.user_id != user_id)
    return (
        session.scalar(mine.where(Membership.role == Role.OWNER.value, User.disabled_at.is_(None)).limit(1)) is not None
    )


def add_member(session: Session, app_id: int, user_id: int, role: Role) -> bool:
    """Let a user see an app; False when they do already."""
    return insert_or_ignore(session, Membership, {"app_id": app_id, "user_id": user_id, "role": role.value})


def set_role(session: Session, app_id: int, user_id: int, role: Role) -> None:
    """Give a member another role."""
    one = update(Membership).where(Membership.app_id == app_id, Membership.user_id == user_id)
    rows_changed(session, one.values(role=role.value))


def drop_member(session: Session, app_id: int, user_id: int) -> None:
    """Let a user see an app no more."""
    session.execute(delete(Membership).where(Membership.app_id == app_id, Membership.user_id == user_id))
