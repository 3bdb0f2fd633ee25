"""Ingest keys: secrets of an app that may send logs and do nothing else."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, delete, exists, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base
from app.db.models.app import MAX_NAME, App


class IngestKey(Base):
    """One key. What it is checked by is a hash; it is kept encrypted too, for every copy of the app holds it anyway."""

    __tablename__ = "ingest_keys"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)  # sha256 hex
    identifier: Mapped[str] = mapped_column(String(24), unique=True)  # random lower-case hex
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    encrypted: Mapped[str] = mapped_column("sealed", Text, key="encrypted")
    created_at: Mapped[datetime]


def ingest_keys_of(session: Session, app_id: int) -> list[IngestKey]:
    """The keys of an app, oldest first; their number is bounded."""
    mine = select(IngestKey).where(IngestKey.app_id == app_id)
    return list(session.scalars(mine.order_by(IngestKey.created_at, IngestKey.identifier)))


def count_ingest_keys(session: Session, app_id: int) -> int:
    """How many an app has."""
    return session.scalar(select(func.count()).select_from(IngestKey).where(IngestKey.app_id == app_id)) or 0


def find_ingest_key(session: Session, app_id: int, identifier: str) -> IngestKey | None:
    """One key of an app."""
    return session.scalar(select(IngestKey).where(IngestKey.app_id == app_id, IngestKey.identifier == identifier))


def drop_ingest_key(session: Session, key_hash: str) -> None:
    """Let nobody send with it any more."""
    session.execute(delete(IngestKey).where(IngestKey.hash == key_hash))


def is_ingest_key(session: Session, key_hash: str) -> bool:
    """True for a key of any app."""
    first = exists().where(App.ingest_key_hash == key_hash)
    return bool(session.scalar(select(first | exists().where(IngestKey.hash == key_hash))))


def app_of_key(session: Session, key_hash: str) -> int | None:
    """The row id of the app whose key this is."""
    found = session.scalar(select(IngestKey.app_id).where(IngestKey.hash == key_hash))
    return found or session.scalar(select(App.id).where(App.ingest_key_hash == key_hash))
