"""The stored chunks of files of symbols that came in several: of an upload, then of the file that it has become."""

from datetime import datetime

from sqlalchemy import BigInteger, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base
from app.db.models.pending_deletion import schedule_deletion


class SymbolPart(Base):
    """A stored chunk of an upload, or of the file that it has become."""

    __tablename__ = "symbol_parts"
    identifier: Mapped[str] = mapped_column(String(24), primary_key=True)  # of the upload, and of the file
    begins: Mapped[int] = mapped_column(BigInteger, primary_key=True)  # byte of the file
    size: Mapped[int] = mapped_column(BigInteger)  # bytes
    storage_key: Mapped[str] = mapped_column(String(255), index=True)  # of its own, or of a chunk that others share


def parts_of(session: Session, identifier: str) -> list[SymbolPart]:
    """The chunks of a file in order; none when it came in one piece."""
    mine = select(SymbolPart).where(SymbolPart.identifier == identifier)
    return list(session.scalars(mine.order_by(SymbolPart.begins)))


def drop_parts_of(session: Session, identifier: str, now: datetime, *, are_shared: bool = False) -> None:
    """Delete the chunks of a file; the deletion of their objects is scheduled, unless the objects are shared with others."""
    if not are_shared:
        schedule_deletion(session, [part.storage_key for part in parts_of(session, identifier)], None, now)
    mine = delete(SymbolPart).where(SymbolPart.identifier == identifier)
    session.execute(mine, execution_options={"synchronize_session": False})


def known_parts(session: Session, storage_keys: list[str]) -> set[str]:
    """Those of the keys under which chunks lie."""
    return set(session.scalars(select(SymbolPart.storage_key).where(SymbolPart.storage_key.in_(storage_keys))))
