"""Apps whose crashes are collected."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base
from app.db.models.membership import Membership, Role
from app.db.models.user import User

MAX_NAME = 100  # characters


class App(Base):
    """One mobile app: the unit of access."""

    __tablename__ = "apps"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    identifier: Mapped[str] = mapped_column(String(24), unique=True)  # random lower-case hex, in URLs and keys
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    ingest_key_hash: Mapped[str] = mapped_column(String(64), unique=True)  # of its first key, sha256 hex
    created_at: Mapped[datetime]
    reports_revision: Mapped[int] = mapped_column(BigInteger, server_default="0")  # grows when reports change
    removed_at: Mapped[datetime | None]  # since then it is there for nobody but the workers that remove what is left


def apps_of(session: Session, user_id: int, limit: int, offset: int) -> list[App]:
    """The apps that a user may see, by name."""
    statement = (
        select(App)
        .join(Membership, Membership.app_id == App.id)
        .where(Membership.user_id == user_id, App.removed_at.is_(None))
        .order_by(App.name, App.id)
        .limit(limit)
        .offset(offset)
    )
    return list(session.scalars(statement))


def find_app(session: Session, identifier: str) -> App | None:
    """The app with this identifier, without a check of access."""
    return session.scalar(select(App).where(App.identifier == identifier, App.removed_at.is_(None)))


def named_apps(session: Session, limit: int, offset: int) -> list[App]:
    """All apps, by name."""
    there = select(App).where(App.removed_at.is_(None)).order_by(App.name, App.id)
    return list(session.scalars(there.limit(limit).offset(offset)))


def count_owned(session: Session, user_id: int) -> int:
    """How many apps a user owns."""
    owned = select(func.count()).select_from(Membership)
    return session.scalar(owned.where(Membership.user_id == user_id, Membership.role == Role.OWNER.value)) or 0


def apps_owned_alone(session: Session, user_id: int) -> list[App]:
    """Apps that have no other owner who is not disabled, by name; those that are being removed do not count."""
    enabled = select(Membership.app_id).join(User, User.id == Membership.user_id).where(User.disabled_at.is_(None))
    others = enabled.where(Membership.role == Role.OWNER.value, Membership.user_id != user_id)
    owned = select(App).join(Membership, Membership.app_id == App.id)
    alone = owned.where(
        Membership.user_id == user_id,
        Membership.role == Role.OWNER.value,
        App.removed_at.is_(None),
        App.id.not_in(others),
    )
    return list(session.scalars(alone.order_by(App.name, App.id)))


def apps_after(session: Session, row_id: int, limit: int) -> list[App]:
    """Apps in the order of their row ids, those after one."""
    return list(session.scalars(select(App).where(App.id > row_id).order_by(App.id).limit(limit)))


def visible_app(session: Session, identifier: str, user_id: int) -> App | None:
    """The app with this identifier if the user is a member."""
    found = app_and_role(session, identifier, user_id)
    return found[0] if found else None


def app_and_role(session: Session, identifier: str, user_id: int) -> tuple[App, Role] | None:
    """The app with this identifier and the user's role in it, if the user is a member."""
    statement = select(App, Membership.role).join(Membership, Membership.app_id == App.id)
    own = statement.where(App.identifier == identifier, Membership.user_id == user_id, App.removed_at.is_(None))
    found = session.execute(own).first()
    return (found[0], Role(found[1])) if found else None
