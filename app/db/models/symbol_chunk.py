"""Chunks of files that build tools send, by their SHA-1: kept until the files that they make are put together."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    delete,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.batched import batched
from app.db.base import Base, rows_changed
from app.db.models.pending_deletion import schedule_deletion
from app.db.models.symbol_part import SymbolPart
from app.db.work import BigId

AT_ONCE = 500  # chunks that one statement names
OVERHEAD = 4_096  # bytes that a chunk counts for beside its own: many small ones cost rows and files


class ChunkOwner(NamedTuple):
    """Whose chunks they are: an app's, sent with a key of it, or a member's. One of the two is None."""

    app_id: int | None
    user_id: int | None


class SymbolChunk(Base):
    """A stored chunk. Nobody but its owner can make a file of it."""

    __tablename__ = "symbol_chunks"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    app_id: Mapped[int | None] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    sha1: Mapped[str] = mapped_column(String(40))  # lower-case hex
    size: Mapped[int] = mapped_column(BigInteger)  # bytes
    storage_key: Mapped[str] = mapped_column(String(255), unique=True)
    touched_at: Mapped[datetime]  # when it was sent or asked for last
    __table_args__ = (
        UniqueConstraint("app_id", "sha1"),
        UniqueConstraint("user_id", "sha1"),
        Index("ix_symbol_chunks_touched_at", "touched_at"),
    )


def held_chunks(
    session: Session, owner: ChunkOwner, sha1s: Iterable[str], *, lock: bool = True
) -> dict[str, SymbolChunk]:
    """SHA-1 -> chunk of the owner. If they are locked, none goes away until the transaction ends."""
    found: dict[str, SymbolChunk] = {}
    for some in batched(sorted(set(sha1s)), AT_ONCE):
        mine = select(SymbolChunk).where(_owned_by(owner), SymbolChunk.sha1.in_(some)).order_by(SymbolChunk.id)
        found |= {one.sha1: one for one in session.scalars(mine.with_for_update() if lock else mine)}
    return found


def touch_chunks(session: Session, chunks: Iterable[SymbolChunk], now: datetime) -> None:
    """Keep them for longer: somebody goes on with their file."""
    for some in batched([one.id for one in chunks], AT_ONCE):
        rows_changed(session, update(SymbolChunk).where(SymbolChunk.id.in_(some)).values(touched_at=now))


def stored_bytes(session: Session, owner: ChunkOwner) -> int:
    """Bytes that all chunks of the owner count for."""
    return int(session.scalar(select(func.sum(SymbolChunk.size + OVERHEAD)).where(_owned_by(owner))) or 0)


def untouched_chunks(session: Session, before: datetime, limit: int) -> list[str]:
    """Storage keys of some chunks that nobody has asked for since then and no file waits for, the oldest first."""
    old = select(SymbolChunk.storage_key).where(SymbolChunk.touched_at < before, ~_IS_AWAITED)
    return list(session.scalars(old.order_by(SymbolChunk.touched_at, SymbolChunk.id).limit(limit)))


def drop_chunks(session: Session, storage_keys: Iterable[str], now: datetime) -> int:
    """Delete those of the chunks that no file waits for; the deletion of their objects is scheduled. Returns how many."""
    dropped = 0
    for some in batched(sorted(set(storage_keys)), AT_ONCE):
        locked = select(SymbolChunk).where(SymbolChunk.storage_key.in_(some)).order_by(SymbolChunk.id)
        ids = [one.id for one in session.scalars(locked.with_for_update())]
        free = select(SymbolChunk.id, SymbolChunk.storage_key).where(SymbolChunk.id.in_(ids), ~_IS_AWAITED)
        rows = {row[0]: row[1] for row in session.execute(free)}
        schedule_deletion(session, sorted(rows.values()), None, now)
        gone = delete(SymbolChunk).where(SymbolChunk.id.in_(rows))
        session.execute(gone, execution_options={"synchronize_session": False})
        dropped += len(rows)
    return dropped


_IS_AWAITED = exists().where(SymbolPart.storage_key == SymbolChunk.storage_key)


def _owned_by(owner: ChunkOwner) -> ColumnElement[bool]:
    if owner.app_id is not None:
        return SymbolChunk.app_id == owner.app_id
    return SymbolChunk.user_id == owner.user_id
