"""Symbols that the store has lost or changed: caches are made anew, and a file that is sent again takes its own place."""

from collections.abc import Iterable
from datetime import datetime

import structlog

from app.db import Database, Session
from app.db.models.symbol_part import parts_of
from app.db.models.symbols import SymbolFile, SymbolState, find_same, lock_symbols
from app.db.queries.removal import cache_keys_of, drop_symbols, make_again, of_cache
from app.services import Services
from app.storage import ObjectNotFound

LOOKED_AT = 100  # objects of one file
LOST = "The stored file is lost or damaged: send it again"  # why a file is rejected; the same bytes take its place

log = structlog.get_logger()


def make_cache_again(db: Database, key: str, now: datetime) -> None:
    """Let a worker look anew into the file whose cache was found lost or damaged, unless the file is gone or under way."""
    with db.write() as session:
        row_id = of_cache(session, key)
        is_begun = row_id is not None and make_again(session, row_id, now)
    if is_begun:
        log.info("symbols_made_again", symbols=row_id)


def drop_if_damaged(services: Services, app_id: int, sha256: str, version: str, build: str) -> None:
    """Forget the file of these bytes, which are being sent again, if an object of it is gone, empty or of another size.

    One that waits or is rejected counts too, as does one whose content a worker found damaged. Only the first objects of a
    file are looked at. Raises TransientError.
    """
    with services.db.read() as session:
        known = find_same(session, app_id, sha256, version, build)
    if known is not None:
        drop_damaged(services, [known])


def drop_damaged(services: Services, files: Iterable[SymbolFile], at_most: int = LOOKED_AT) -> set[int]:
    """The same of several files, of which so many objects are looked at in all; returns the ids of those that were dropped.

    A tool that asks about its files learns that these have to be sent.
    """
    dropped = set()
    for file in files:
        if file.reason == LOST:
            is_whole = False
        elif at_most <= 0:
            continue
        else:
            with services.db.read() as session:
                objects = _objects(session, file)[:at_most]
            at_most -= len(objects)
            is_whole = all(_is_whole(services, key, size) for key, size in objects)
        if not is_whole and _drop(services, file):
            dropped.add(file.id)
    return dropped


def _drop(services: Services, file: SymbolFile) -> bool:
    with services.db.write() as session:
        locked = lock_symbols(session, file.id)
        if locked is None or locked.storage_key != file.storage_key:
            return False
        drop_symbols(session, locked, services.now())
    log.info("symbols_damaged", symbols=file.id)
    return True


def _objects(session: Session, file: SymbolFile) -> list[tuple[str, int | None]]:
    """Key and size of what is stored of a file, as far as that is known."""
    parts = parts_of(session, file.identifier)
    objects: list[tuple[str, int | None]] = [(part.storage_key, part.size) for part in parts]
    objects = objects or [(file.storage_key, file.size)]
    if file.state == SymbolState.READY:
        objects += [(key, None) for key in cache_keys_of(session, file.id)]
    return objects[:LOOKED_AT]


def _is_whole(services: Services, key: str, size: int | None) -> bool:
    try:
        found = services.storage.stat(key).size
    except ObjectNotFound:
        return False
    return found > 0 if size is None else found == size
