"""People who may log in."""

from datetime import datetime

from sqlalchemy import Identity, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, ForUpdate, insert_or_ignore

MAX_EMAIL = 254  # characters


class User(Base):
    """One person; what they may see hangs on memberships."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    email: Mapped[str] = mapped_column(String(MAX_EMAIL), unique=True)  # lower case
    password_hash: Mapped[str] = mapped_column(String(255))  # argon2id, with its parameters
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]  # since then they may not log in


def add_user(session: Session, email: str, password_hash: str, now: datetime) -> bool:
    """Insert a user; False when the e-mail is taken."""
    return insert_or_ignore(session, User, {"email": email.lower(), "password_hash": password_hash, "created_at": now})


def find_user(session: Session, email: str, *, lock: ForUpdate | None = None) -> User | None:
    """The user with this e-mail, in any case; with `lock` nobody else changes the row until the transaction ends."""
    found = select(User).where(User.email == email.lower())
    return session.scalar(found.with_for_update(**lock) if lock is not None else found)


def users_by_email(session: Session, limit: int, offset: int) -> list[User]:
    """All users, by e-mail."""
    return list(session.scalars(select(User).order_by(User.email).limit(limit).offset(offset)))
