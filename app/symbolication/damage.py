"""Symbols that the store has lost: what is sent again takes the place of a file whose objects are not there as a whole."""

from collections.abc import Iterable

import structlog

from app.db import Session
from app.db.models.symbol_part import parts_of
from app.db.models.symbols import SymbolFile, SymbolState, find_same, lock_symbols
from app.db.queries.removal import cache_keys_of, drop_symbols
from app.services import Services
from app.storage import ObjectNotFound

LOOKED_AT = 100  # objects of one file

log = structlog.get_logger()


def drop_if_damaged(services: Services, app_id: int, sha256: str, version: str, build: str) -> None:
    """Forget the file of these bytes, which are being sent again, if an object of it is gone, empty or of another size.

    One that waits or is rejected counts too. Only the first objects of a file are looked at. Raises TransientError.
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
        if at_most <= 0:
            break
        with services.db.read() as session:
            objects = _objects(session, file)[:at_most]
        at_most -= len(objects)
        if not all(_is_whole(services, key, size) for key, size in objects) and _drop(services, file):
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
