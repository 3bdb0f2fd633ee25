"""Links that end, by which somebody joins an app or chooses a password. Only the hash of their secret is kept."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base
from app.db.models.user import MAX_EMAIL


class LinkPurpose(StrEnum):
    """What a link is for."""

    INVITATION = "invitation"
    PASSWORD = "password"  # noqa: S105


class AccountLink(Base):
    """One link. Its row goes when it is used."""

    __tablename__ = "account_links"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)  # sha256 hex of the secret
    identifier: Mapped[str] = mapped_column(String(24), unique=True)  # random lower-case hex
    purpose: Mapped[str] = mapped_column(String(16))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    """Whose password it is; of an invitation who invites, None for the operator."""
    app_id: Mapped[int | None] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), index=True)  # to join
    role: Mapped[str | None] = mapped_column(String(8))  # in it
    email: Mapped[str | None] = mapped_column(
        String(MAX_EMAIL)
    )  # the only one that may join; of a password, where it was mailed
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


def find_link(session: Session, link_hash: str, purpose: LinkPurpose, now: datetime) -> AccountLink | None:
    """The link of this hash that has not ended."""
    mine = (AccountLink.hash == link_hash, AccountLink.purpose == purpose.value, AccountLink.expires_at > now)
    return session.scalar(select(AccountLink).where(*mine))


def take_link(session: Session, link_hash: str) -> bool:
    """Use a link up; False when somebody else has."""
    gone = delete(AccountLink).where(AccountLink.hash == link_hash).returning(AccountLink.identifier)
    return session.execute(gone).first() is not None


def invitations_of(session: Session, app_id: int, now: datetime, limit: int, offset: int) -> list[AccountLink]:
    """The invitations of an app that have not ended, newest first."""
    found = select(AccountLink).where(AccountLink.app_id == app_id, AccountLink.expires_at > now)
    ordered = found.order_by(AccountLink.created_at.desc(), AccountLink.identifier)
    return list(session.scalars(ordered.limit(limit).offset(offset)))


def count_invitations(session: Session, app_id: int) -> int:
    """How many there are."""
    return session.scalar(select(func.count()).select_from(AccountLink).where(AccountLink.app_id == app_id)) or 0


def drop_invitation(session: Session, app_id: int, identifier: str) -> bool:
    """End an invitation; False when the app has none of this identifier."""
    mine = delete(AccountLink).where(AccountLink.app_id == app_id, AccountLink.identifier == identifier)
    return session.execute(mine.returning(AccountLink.identifier)).first() is not None


def drop_password_links(session: Session, user_id: int) -> None:
    """End what would let somebody choose a password for this user."""
    session.execute(
        delete(AccountLink).where(
            AccountLink.user_id == user_id, AccountLink.purpose == LinkPurpose.PASSWORD.value
        )
    )  # fmt: skip


def drop_mailed_links(session: Session, user_id: int, kept: int) -> None:
    """End the links to choose a password that were mailed to this user, but the newest."""
    mailed = (
        AccountLink.user_id == user_id, AccountLink.purpose == LinkPurpose.PASSWORD.value, AccountLink.email.is_not(None)
    )  # fmt: skip
    newest = select(AccountLink.hash).where(*mailed).order_by(AccountLink.created_at.desc(), AccountLink.hash)
    hashes = list(session.scalars(newest.offset(kept)))
    session.execute(delete(AccountLink).where(AccountLink.hash.in_(hashes)))


def drop_expired_links(session: Session, now: datetime) -> None:
    """Forget links that have ended."""
    session.execute(delete(AccountLink).where(AccountLink.expires_at <= now))
