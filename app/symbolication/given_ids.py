"""Ids that a file of symbols is found by because its sender says so: of a mapping the uuid that a build has put into the app."""

from collections.abc import Iterable

from app.db import Session
from app.db.models.app import App
from app.db.models.app_settings import reports_changed
from app.db.models.awaited_symbols import are_awaited
from app.db.models.given_symbol_id import give_ids, given_ids
from app.db.models.regrouping import wish
from app.db.models.symbols import (
    SymbolFile,
    SymbolImage,
    SymbolState,
    find_symbols,
    images_of,
    lock_symbols,
    source_keys,
)
from app.errors import BadParameters, Conflict, NotFound
from app.queueing.broker import LONG, REGROUP
from app.services import Services
from app.symbols.awaited_keys import debug_id, sources_key
from app.symbols.contents import id_in_name

MOST = 10_000  # ids given to one file: a build may give the same mapping another one each time


def ids_of(name: str, given: str | None = None) -> list[str]:
    """The ids that the name of a file and its sender give it. Raises BadParameters."""
    found = [one for one in (id_in_name(name),) if one]
    if given:
        read = debug_id(given)
        if read is None:
            raise BadParameters("debug_id is no debug id, such as a uuid")
        found.append(read)
    return found


def add_ids(services: Services, session: Session, file: SymbolFile, ids: Iterable[str]) -> int | None:
    """Let a file, which is locked, be found by these ids too; returns the regrouping to enqueue after the commit, if any.

    Raises Conflict when it has too many.
    """
    known = given_ids(session, [file.id]).get(file.id, set())
    new = set(ids) - known
    if not new:
        return None
    if len(known | new) > MOST:
        raise Conflict(f"A file has {MOST} given ids at most")
    give_ids(session, file.id, sorted(new))
    return place_ids(services, session, file, new) if file.state == SymbolState.READY else None


def give_id(services: Services, app: App, identifier: str, given: str) -> None:
    """Let a file of the app be found by one more id. Raises BadParameters, Conflict or NotFound."""
    ids = ids_of("", given)
    with services.db.write() as session:
        found = find_symbols(session, app.id, identifier)
        file = lock_symbols(session, found.id) if found else None
        if file is None:
            raise NotFound("Symbols not found")
        wished = add_ids(services, session, file, ids)
    enqueue_regrouping(services, wished)


def place_ids(services: Services, session: Session, file: SymbolFile, ids: set[str]) -> int | None:
    """Add these ids to the one thing that a ready file holds; to which of several they belong, nobody knows."""
    images = images_of(session, [file.id]).get(file.id, [])
    new = sorted(ids - {one.debug_id for one in images})
    if not new or len({one.cache_key for one in images}) != 1:
        return None
    held = images[0]
    placed = [(one, held.cache_key) for one in new]
    placed += [(sources_key(one), key) for key in source_keys(session, file.id) for one in new]
    columns = {"kind": held.kind, "arch": held.arch, "name": held.name}
    session.add_all(
        SymbolImage(symbol_id=file.id, app_id=file.app_id, debug_id=one, cache_key=key, **columns)
        for one, key in placed
    )
    session.flush()
    reports_changed(session, file.app_id)
    return wish(session, file.app_id, services.now()) if are_awaited(session, file.app_id, new) else None


def enqueue_regrouping(services: Services, wished: int | None) -> None:
    """Enqueue a regrouping whose row is committed."""
    if wished is not None:
        services.broker.enqueue(REGROUP, str(wished), LONG)
