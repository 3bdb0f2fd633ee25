"""Upload keys: secrets of an app with which a build sends symbols, and can do nothing else."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base
from app.db.models.app import MAX_NAME, App


class UploadKey(Base):
    """One key. Only its hash is kept."""

    __tablename__ = "upload_keys"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)  # sha256 hex
    identifier: Mapped[str] = mapped_column(String(24), unique=True)  # random lower-case hex
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    created_at: Mapped[datetime]


def upload_keys_of(session: Session, app_id: int) -> list[UploadKey]:
    """The keys of an app, oldest first; their number is bounded."""
    mine = select(UploadKey).where(UploadKey.app_id == app_id)
    return list(session.scalars(mine.order_by(UploadKey.created_at, UploadKey.identifier)))


def count_upload_keys(session: Session, app_id: int) -> int:
    """How many an app has."""
    return session.scalar(select(func.count()).select_from(UploadKey).where(UploadKey.app_id == app_id)) or 0


def drop_upload_key(session: Session, app_id: int, identifier: str) -> bool:
    """Let nobody send with it any more; False when the app has no such key."""
    this = delete(UploadKey).where(UploadKey.app_id == app_id, UploadKey.identifier == identifier)
    return session.execute(this.returning(UploadKey.hash)).first() is not None


def app_of_upload_key(session: Session, key_hash: str) -> App | None:
    """The app whose key this is."""
    return session.scalar(select(App).join(UploadKey, UploadKey.app_id == App.id).where(UploadKey.hash == key_hash))
