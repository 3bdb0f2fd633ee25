"""Ids that the sender of a file of symbols gives it, beside those that are in it."""

from collections.abc import Iterable

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, insert_or_ignore


class GivenSymbolId(Base):
    """A file is also found by this id."""

    __tablename__ = "symbol_ids"
    symbol_id: Mapped[int] = mapped_column(ForeignKey("symbols.id", ondelete="CASCADE"), primary_key=True)
    debug_id: Mapped[str] = mapped_column(String(64), primary_key=True)  # in one spelling, lower case


def given_ids(session: Session, symbol_ids: Iterable[int]) -> dict[int, set[str]]:
    """Row of a file -> the ids that were given to it; only of files with such."""
    statement = select(GivenSymbolId.symbol_id, GivenSymbolId.debug_id)
    found: dict[int, set[str]] = {}
    for row in session.execute(statement.where(GivenSymbolId.symbol_id.in_(set(symbol_ids)))):
        found.setdefault(row[0], set()).add(row[1])
    return found


def give_ids(session: Session, symbol_id: int, ids: Iterable[str]) -> None:
    """Let a file have these ids too."""
    for one in ids:
        insert_or_ignore(session, GivenSymbolId, {"symbol_id": symbol_id, "debug_id": one})
