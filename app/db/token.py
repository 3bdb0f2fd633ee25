"""Logins: what a client sends to show who it is."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db import Base
from app.db.user import User


class Token(Base):
    """One login. Only the hash is kept: whoever reads the table cannot log in with it."""

    __tablename__ = "tokens"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)  # sha256 hex of the token
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


def token_user(session: Session, token_hash: str, now: datetime) -> int | None:
    """The id of the user whose unexpired token this is."""
    return session.scalar(select(Token.user_id).where(Token.hash == token_hash, Token.expires_at > now))


def token_holder(session: Session, token_hash: str, now: datetime) -> User | None:
    """The user whose unexpired token this is."""
    statement = select(User).join(Token, Token.user_id == User.id)
    return session.scalar(statement.where(Token.hash == token_hash, Token.expires_at > now))


def drop_token(session: Session, token_hash: str) -> None:
    """End one login."""
    session.execute(delete(Token).where(Token.hash == token_hash))


def drop_expired_tokens(session: Session, now: datetime) -> None:
    """Forget logins that have run out."""
    session.execute(delete(Token).where(Token.expires_at <= now))
