"""Rows of symbols without their stored objects, and objects below `symbols/` without rows."""

from collections.abc import Iterator
from functools import partial

from app.db.models.symbol_part import known_parts, parts_of
from app.db.models.symbols import SymbolFile, SymbolState
from app.db.queries.removal import cache_keys_of, drop_symbols, find_by_row, known_objects, make_again, symbols_after
from app.operations.finding import Finding
from app.queueing.broker import LONG, MAKE_SYMBOLS
from app.services import Services
from app.storage import ObjectNotFound, ObjectStat

BATCH = 500  # rows looked at together


def symbols_without_objects(services: Services) -> Iterator[Finding]:
    """Files whose bytes are lost, and such whose caches are."""
    last = 0
    while True:
        with services.db.read() as session:
            files = symbols_after(session, last, BATCH)
        if not files:
            return
        last = files[-1].id
        for file in files:
            with services.db.read() as session:
                parts = parts_of(session, file.identifier)
                caches = cache_keys_of(session, file.id)
            stored = [(one.storage_key, one.size) for one in parts] or [(file.storage_key, file.size)]
            if not all(_is_stored(services, key, size) for key, size in stored):
                what = f"symbols {file.identifier} have no bytes in the storage"
                yield Finding(what, "they are deleted; add the file again", partial(_drop, services, file))
            elif file.state == SymbolState.READY and not all(_is_stored(services, key, None) for key in caches):
                what = f"symbols {file.identifier} lack a cache in the storage"
                yield Finding(what, "a worker makes it anew", partial(_make_again, services, file))


def objects_without_symbols(services: Services, objects: list[ObjectStat]) -> Iterator[ObjectStat]:
    """What uploads that were never answered and attempts that were killed have left."""
    keys = [stat.key for stat in objects]
    with services.db.read() as session:
        known = known_objects(session, keys) | known_parts(session, keys)
    return (stat for stat in objects if stat.key not in known)


def _is_stored(services: Services, key: str, size: int | None) -> bool:
    try:
        return size in (None, services.storage.stat(key).size)
    except ObjectNotFound:
        return False


def _drop(services: Services, file: SymbolFile) -> None:
    with services.db.write() as session:
        found = find_by_row(session, file.id)
        if found is not None:
            drop_symbols(session, found, services.now())


def _make_again(services: Services, file: SymbolFile) -> None:
    with services.db.write() as session:
        make_again(session, file.id, services.now())
    services.broker.enqueue(MAKE_SYMBOLS, str(file.id), LONG)
