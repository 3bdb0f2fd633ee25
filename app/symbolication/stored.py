"""The files of symbols of an app: listed, shown, deleted; rows without their objects, and objects without rows."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from app.db.models.app import App
from app.db.models.app_settings import reports_changed
from app.db.models.awaited_symbols import count_waiting
from app.db.models.symbol_part import known_parts, parts_of
from app.db.models.symbols import SymbolFile, SymbolImage, SymbolState, find_symbols, images_of, symbols_of
from app.db.queries.removal import cache_keys_of, drop_symbols, find_by_row, known_objects, make_again, symbols_after
from app.errors import NotFound, TransientError
from app.queueing.broker import LONG, MAKE_SYMBOLS
from app.services import Services
from app.storage import ObjectNotFound, ObjectStat, symbols_folder

BATCH = 500  # rows looked at together


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be."""

    what: str  # for the operator
    remedy: str  # what mending does
    mend: Callable[[], object]


class Shown(NamedTuple):
    """A file and what it holds."""

    file: SymbolFile
    images: list[SymbolImage]
    waiting_logs: int  # that are to be read again with it


def list_symbols(services: Services, app: App, limit: int, offset: int) -> list[Shown]:
    """The files of an app, newest first."""
    with services.db.read() as session:
        files = symbols_of(session, app.id, limit, offset)
        found, waiting = (
            images_of(session, [one.id for one in files]),
            count_waiting(session, [one.id for one in files]),
        )
    return [Shown(one, found.get(one.id, []), waiting.get(one.id, 0)) for one in files]


def show_symbols(services: Services, app: App, identifier: str) -> Shown:
    """One file of the app. Raises NotFound."""
    with services.db.read() as session:
        found = find_symbols(session, app.id, identifier)
        if found is None:
            raise NotFound("Symbols not found")
        waiting = count_waiting(session, [found.id]).get(found.id, 0)
        return Shown(found, images_of(session, [found.id]).get(found.id, []), waiting)


def delete_symbols(services: Services, app: App, identifier: str) -> None:
    """Delete a file and its caches; reports are made without them from now on. Raises NotFound."""
    with services.db.write() as session:
        found = find_symbols(session, app.id, identifier)
        if found is None:
            raise NotFound("Symbols not found")
        was_used = found.state == SymbolState.READY
        drop_symbols(session, found, services.now())
        if was_used:
            reports_changed(session, app.id)
    with suppress(TransientError):  # what is left is deleted as a pending deletion
        services.storage.delete_folder(symbols_folder(app.identifier, identifier))


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
