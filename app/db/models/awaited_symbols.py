"""What digested logs would have been named by: rows that are there until such symbols have come and the log is read again."""

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import NamedTuple

from sqlalchemy import ColumnElement, ForeignKey, Insert, String, delete, exists, func, insert, select, true
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base
from app.db.driver_pool import DriverConnection, Prepared
from app.db.hot import SqlText, as_rows, insert_into, rows_of
from app.db.models.log import WAITING, Log
from app.db.models.symbols import SymbolImage
from app.db.work import BigId

MOST = 200_000  # rows of one app; more are made between two looks (`trim`), but not many


class AwaitedSymbols(Base):
    """A log of an app waits for symbols."""

    __tablename__ = "awaited_symbols"
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True)
    awaited: Mapped[str] = mapped_column(String(64), primary_key=True)  # as in symbol_images.debug_id
    log_row: Mapped[int] = mapped_column(BigId, ForeignKey("logs.id", ondelete="CASCADE"), primary_key=True, index=True)


class AwaitingLog(NamedTuple):
    """A row to be inserted."""

    app_id: int
    awaited: str
    log_row: int


class Come(NamedTuple):
    """Symbols that logs waited for and that are there by now."""

    awaited: str
    log_rows: list[int]  # the first ones of those logs


_AWAITED = AwaitedSymbols.__table__.c


def _add(dialect: ModuleType) -> Insert:
    """The statement of await_symbols.sql for SQLite."""
    given = rows_of(dialect, *(_AWAITED[name] for name in AwaitingLog._fields))
    rows = select(*(given.c[name] for name in AwaitingLog._fields)).where(true())
    return insert_into(dialect, AwaitedSymbols).from_select(AwaitingLog._fields, rows).on_conflict_do_nothing()


_ADD, _ADD_ON_SQLITE = SqlText("await_symbols", tuple), Prepared(_add)


def await_symbols(driver: DriverConnection, waiting: Iterable[AwaitingLog]) -> None:
    """Insert rows about logs whose digest the transaction has just ended; nothing is sent when there are none."""
    rows = sorted(set(waiting))
    if rows:
        driver.change(_ADD if driver.is_postgresql else _ADD_ON_SQLITE, rows=as_rows(one._asdict() for one in rows))


def await_anew(session: Session, logs: Mapping[int, Iterable[AwaitingLog]]) -> None:
    """Put these rows in the place of all that logs (row ids), which are held, have waited for."""
    _delete(session, AwaitedSymbols.log_row.in_(logs))
    rows = sorted({one for each in logs.values() for one in each})
    if rows:
        session.execute(insert(AwaitedSymbols), [one._asdict() for one in rows])


def forget_awaited(session: Session, log_rows: Iterable[int]) -> None:
    """Let logs wait for nothing: nobody can read them again."""
    _delete(session, AwaitedSymbols.log_row.in_(set(log_rows)))


def are_awaited(session: Session, app_id: int, ids: Iterable[str]) -> bool:
    """True when a log of the app waits for one of these, or may do so once its digest ends."""
    undigested = exists().where(Log.app_id == app_id, WAITING)
    if session.scalar(select(undigested)):  # asked first: a digest that ends meanwhile has written its rows by then
        return True
    mine = exists().where(AwaitedSymbols.app_id == app_id, AwaitedSymbols.awaited.in_(set(ids)))
    return bool(session.scalar(select(mine)))


def next_come(session: Session, app_id: int, limit: int) -> Come | None:
    """Symbols that are there and logs that wait for them, at most so many; None when no log has to be read again."""
    waits = exists().where(AwaitedSymbols.app_id == app_id, AwaitedSymbols.awaited == SymbolImage.debug_id)
    image = select(SymbolImage.debug_id).where(SymbolImage.app_id == app_id, waits).order_by(SymbolImage.id).limit(1)
    awaited = session.scalar(image)
    if awaited is None:
        return None
    mine = select(AwaitedSymbols.log_row).where(AwaitedSymbols.app_id == app_id, AwaitedSymbols.awaited == awaited)
    return Come(awaited, list(session.scalars(mine.order_by(AwaitedSymbols.log_row).limit(limit))))


def no_longer_awaited(session: Session, app_id: int, come: Come) -> None:
    """These logs have been read with those symbols, or cannot be."""
    mine = (AwaitedSymbols.app_id == app_id, AwaitedSymbols.awaited == come.awaited)
    _delete(session, *mine, AwaitedSymbols.log_row.in_(come.log_rows))


def count_waiting(session: Session, symbol_ids: Iterable[int]) -> dict[int, int]:
    """Row of a file of symbols -> logs that wait to be read again with it."""
    joined = select(SymbolImage.symbol_id, func.count(AwaitedSymbols.log_row.distinct())).join(
        AwaitedSymbols,
        (AwaitedSymbols.app_id == SymbolImage.app_id) & (AwaitedSymbols.awaited == SymbolImage.debug_id),
    )
    rows = joined.where(SymbolImage.symbol_id.in_(set(symbol_ids))).group_by(SymbolImage.symbol_id)
    return {row[0]: row[1] for row in session.execute(rows)}


def trim(session: Session, app_id: int, most: int = MOST) -> int:
    """Let the oldest logs of an app wait no longer when too many do; returns how many rows went."""
    mine = AwaitedSymbols.app_id == app_id
    if (session.scalar(select(func.count()).where(mine)) or 0) <= most:
        return 0
    kept = select(AwaitedSymbols.log_row).where(mine).order_by(AwaitedSymbols.log_row.desc())
    last = session.scalars(kept.offset(most).limit(1)).one()
    return _delete(session, mine, AwaitedSymbols.log_row <= last)


def _delete(session: Session, *conditions: ColumnElement[bool]) -> int:
    gone = delete(AwaitedSymbols).where(*conditions).returning(AwaitedSymbols.log_row)
    return len(session.execute(gone, execution_options={"synchronize_session": False}).all())
