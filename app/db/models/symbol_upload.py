"""Large files of symbols on their way: which chunks have come, and in what order they make the file."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint, delete, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, rows_changed
from app.db.models.symbol_part import SymbolPart
from app.db.models.symbols import MAX_NAME, MAX_VERSION


class SymbolUpload(Base):
    """A file that is not whole yet. Its row goes when it is, or when nobody goes on with it."""

    __tablename__ = "symbol_uploads"
    identifier: Mapped[str] = mapped_column(
        String(24), primary_key=True
    )  # random lower-case hex; later that of the file
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"))
    sha256: Mapped[str] = mapped_column(String(64))  # of the whole file, as its sender tells
    size: Mapped[int] = mapped_column(BigInteger)  # bytes, the same
    version: Mapped[str] = mapped_column(String(MAX_VERSION))
    build: Mapped[str] = mapped_column(String(MAX_VERSION))
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    received: Mapped[int] = mapped_column(BigInteger)  # bytes that are there, from the first on
    created_at: Mapped[datetime]
    touched_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("app_id", "sha256", "version", "build"),
        Index("ix_symbol_uploads_touched_at", "touched_at"),
    )


def find_upload(session: Session, app_id: int, identifier: str) -> SymbolUpload | None:
    """An upload of the app."""
    mine = (SymbolUpload.app_id == app_id, SymbolUpload.identifier == identifier)
    return session.scalar(select(SymbolUpload).where(*mine))


def same_upload(session: Session, app_id: int, sha256: str, version: str, build: str) -> SymbolUpload | None:
    """The upload of these bytes, for this version."""
    same = (SymbolUpload.sha256 == sha256, SymbolUpload.version == version, SymbolUpload.build == build)
    return session.scalar(select(SymbolUpload).where(SymbolUpload.app_id == app_id, *same))


def count_uploads(session: Session, app_id: int) -> int:
    """How many of an app are not whole yet."""
    return session.scalar(select(func.count()).select_from(SymbolUpload).where(SymbolUpload.app_id == app_id)) or 0


def add_part(session: Session, upload: SymbolUpload, part: SymbolPart, now: datetime) -> bool:
    """Record the chunk that follows what is there; False when another one did meanwhile, or the upload is gone."""
    this = update(SymbolUpload).where(
        SymbolUpload.identifier == upload.identifier, SymbolUpload.received == part.begins
    )
    if not rows_changed(session, this.values(received=part.begins + part.size, touched_at=now)):
        return False
    session.add(part)
    session.flush()
    return True


def hold_upload(session: Session, identifier: str) -> SymbolUpload | None:
    """An upload that nobody else changes until the transaction ends."""
    return session.get(SymbolUpload, identifier, with_for_update=True)


def forget_upload(session: Session, identifier: str) -> bool:
    """Delete the row of an upload, not its chunks; False when it has gone already."""
    gone = delete(SymbolUpload).where(SymbolUpload.identifier == identifier).returning(SymbolUpload.identifier)
    return session.execute(gone, execution_options={"synchronize_session": False}).first() is not None


def untouched_uploads(session: Session, before: datetime, limit: int) -> list[str]:
    """Identifiers of uploads that nobody has gone on with since then."""
    old = select(SymbolUpload.identifier).where(SymbolUpload.touched_at < before)
    return list(session.scalars(old.order_by(SymbolUpload.touched_at, SymbolUpload.identifier).limit(limit)))
