"""Stored objects of symbols: which belong to a file, and what becomes of a file that has lost some."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.db.models.pending_deletion import schedule_deletion
from app.db.models.symbol_part import drop_parts_of
from app.db.models.symbols import SymbolFile, SymbolImage, SymbolState


def drop_symbols(session: Session, found: SymbolFile, now: datetime) -> None:
    """Delete a file with all that was made of it; the deletion of its objects is scheduled."""
    caches = select(SymbolImage.cache_key).where(SymbolImage.symbol_id == found.id)
    schedule_deletion(session, sorted({found.storage_key, *session.scalars(caches)}), None, now)
    drop_parts_of(session, found.identifier, now)
    for statement in (
        delete(SymbolImage).where(SymbolImage.symbol_id == found.id),
        delete(SymbolFile).where(SymbolFile.id == found.id),
    ):
        session.execute(statement, execution_options={"synchronize_session": False})


def find_by_row(session: Session, row_id: int) -> SymbolFile | None:
    """A file of any app."""
    return session.get(SymbolFile, row_id)


def symbols_after(session: Session, row_id: int, limit: int) -> list[SymbolFile]:
    """Files of all apps in the order of their row ids, those after one."""
    return list(session.scalars(select(SymbolFile).where(SymbolFile.id > row_id).order_by(SymbolFile.id).limit(limit)))


def cache_keys_of(session: Session, row_id: int) -> list[str]:
    """Where the caches of a file lie."""
    mine = select(SymbolImage.cache_key).where(SymbolImage.symbol_id == row_id).distinct()
    return list(session.scalars(mine.order_by(SymbolImage.cache_key)))


def known_objects(session: Session, storage_keys: list[str]) -> set[str]:
    """Those of the keys `symbols/<app>/<identifier>/<name>` that are of a file or one of its caches."""
    identifiers = {key.split("/")[2] for key in storage_keys if key.count("/") >= 3}
    files = select(SymbolFile.id, SymbolFile.storage_key).where(SymbolFile.identifier.in_(identifiers))
    rows = {row[0]: row[1] for row in session.execute(files)}
    caches = select(SymbolImage.cache_key).where(SymbolImage.symbol_id.in_(rows))
    return {*rows.values(), *session.scalars(caches)} & set(storage_keys)


def make_again(session: Session, row_id: int, now: datetime) -> None:
    """Let a worker look into a ready file as if it had just come; until then it names nothing."""
    found = session.get(SymbolFile, row_id, with_for_update=True)
    if found is None or found.state != SymbolState.READY:
        return
    gone = delete(SymbolImage).where(SymbolImage.symbol_id == row_id)
    session.execute(gone, execution_options={"synchronize_session": False})
    found.state, found.failures, found.enqueue_after, found.enqueued = SymbolState.RECEIVED, 0, now, 0
