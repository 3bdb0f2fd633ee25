"""Addresses whose owners have ended the mails of an app. A row outlives its channel, so that none can be made anew for it."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, delete, exists, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, insert_or_ignore


class Unsubscription(Base):
    """One address, of which only a keyed hash is kept, and the channel whose link was used."""

    __tablename__ = "unsubscriptions"
    channel: Mapped[str] = mapped_column(String(24), primary_key=True)  # identifier; the channel may be gone
    address_hash: Mapped[str] = mapped_column(String(64), primary_key=True)  # hex of HMAC-SHA256
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]


def add_unsubscription(session: Session, app_id: int, channel: str, address_hash: str, now: datetime) -> None:
    """Write that an address gets no more; safe to call twice."""
    values = {"channel": channel, "address_hash": address_hash, "app_id": app_id, "created_at": now}
    insert_or_ignore(session, Unsubscription, values)


def find_unsubscription(session: Session, channel: str, address_hash: str) -> Unsubscription | None:
    """That of an address by the link of a channel."""
    return session.get(Unsubscription, (channel, address_hash))


def drop_unsubscription(session: Session, channel: str, address_hash: str) -> None:
    """Forget it."""
    this = (Unsubscription.channel == channel, Unsubscription.address_hash == address_hash)
    session.execute(delete(Unsubscription).where(*this))


def has_unsubscribed(session: Session, app_id: int, address_hash: str) -> bool:
    """Whether an address has ended the mails of any channel of the app, gone ones too."""
    found = (Unsubscription.app_id == app_id, Unsubscription.address_hash == address_hash)
    return session.scalar(select(exists().where(*found))) or False
