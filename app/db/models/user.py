"""People who may log in."""

from datetime import datetime

from sqlalchemy import Identity, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, insert_or_ignore

MAX_EMAIL = 254  # characters


class User(Base):
    """One person; what they may see hangs on memberships."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    email: Mapped[str] = mapped_column(String(MAX_EMAIL), unique=True)  # lower case
    password_hash: Mapped[str] = mapped_column(String(255))  # argon2id, with its parameters
    created_at: Mapped[datetime]


def add_user(session: Session, email: str, password_hash: str, now: datetime) -> bool:
    """Insert a user; False when the e-mail is taken."""
    return insert_or_ignore(session, User, {"email": email.lower(), "password_hash": password_hash, "created_at": now})


def find_user(session: Session, email: str) -> User | None:
    """The user with this e-mail, in any case."""
    return session.scalar(select(User).where(User.email == email.lower()))
