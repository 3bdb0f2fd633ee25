"""Logins and personal keys: what a client sends to show who it is."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Select, String, delete, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, rows_changed
from app.db.models.app import MAX_NAME
from app.db.models.user import User


class Token(Base):
    """One login, or one personal key. Only the hash is kept: a reader of the table cannot log in with it."""

    __tablename__ = "tokens"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)  # sha256 hex of the token
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    identifier: Mapped[str | None] = mapped_column(String(24))  # random lower-case hex, of a personal key
    name: Mapped[str | None] = mapped_column(String(MAX_NAME))  # of a personal key
    last_used_at: Mapped[datetime | None]  # of a personal key, to the hour
    __table_args__ = (Index("uq_tokens_identifier", "identifier", unique=True),)


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


def drop_logins(session: Session, user_id: int, kept: str = "") -> None:
    """End the logins of a user, but for the one of that hash; personal keys stay."""
    logins = delete(Token).where(Token.user_id == user_id, Token.identifier.is_(None), Token.hash != kept)
    session.execute(logins)


def drop_all_tokens(session: Session, user_id: int) -> None:
    """End the logins and personal keys of a user."""
    session.execute(delete(Token).where(Token.user_id == user_id))


def drop_expired_tokens(session: Session, now: datetime) -> None:
    """Forget logins and keys that have run out."""
    session.execute(delete(Token).where(Token.expires_at <= now))


def drop_tokens_made_after(session: Session, time: datetime) -> int:
    """Forget logins and keys that were made later than that, in the eyes of a clock since set back; returns how many."""
    return len(session.execute(delete(Token).where(Token.created_at > time).returning(Token.hash)).all())


def keys_of(session: Session, user_id: int, now: datetime, limit: int, offset: int) -> list[Token]:
    """The personal keys of a user that have not run out, newest first."""
    newest_first = _keys_of(user_id, now).order_by(Token.created_at.desc(), Token.identifier)
    return list(session.scalars(newest_first.limit(limit).offset(offset)))


def count_keys(session: Session, user_id: int, now: datetime) -> int:
    """How many of them there are."""
    return session.scalar(select(func.count()).select_from(_keys_of(user_id, now).subquery())) or 0


def drop_key(session: Session, user_id: int, identifier: str) -> bool:
    """End a personal key; False when the user has none of this identifier."""
    mine = delete(Token).where(Token.user_id == user_id, Token.identifier == identifier)
    return session.execute(mine.returning(Token.hash)).first() is not None


def note_use(session: Session, token_hash: str, now: datetime, unless_since: datetime) -> None:
    """Record that a personal key was used, unless that has been recorded since."""
    due = or_(Token.last_used_at.is_(None), Token.last_used_at <= unless_since)
    key = update(Token).where(Token.hash == token_hash, Token.identifier.is_not(None), due)
    rows_changed(session, key.values(last_used_at=now))


def _keys_of(user_id: int, now: datetime) -> Select[Token]:
    return select(Token).where(Token.user_id == user_id, Token.identifier.is_not(None), Token.expires_at > now)
