"""The files of symbols of an app: listed, shown, deleted."""

from contextlib import suppress
from typing import NamedTuple

from app.db.models.app import App
from app.db.models.app_settings import reports_changed
from app.db.models.audit_entry import record
from app.db.models.awaited_symbols import count_waiting
from app.db.models.symbols import SymbolFile, SymbolImage, SymbolState, find_symbols, images_of, symbols_of
from app.db.queries.removal import drop_symbols
from app.errors import NotFound, TransientError
from app.services import Services
from app.storage_keys import symbols_folder


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


def images_of_files(services: Services, files: list[SymbolFile]) -> dict[int, list[SymbolImage]]:
    """Row of a file -> what it holds."""
    with services.db.read() as session:
        return images_of(session, [one.id for one in files])


def delete_symbols(services: Services, app: App, identifier: str) -> None:
    """Delete a file and its caches; reports are made without them from now on. Raises NotFound."""
    with services.db.write() as session:
        found = find_symbols(session, app.id, identifier)
        if found is None:
            raise NotFound("Symbols not found")
        was_used = found.state == SymbolState.READY
        record(session, app.id, "symbols.removed", identifier, services.now())
        drop_symbols(session, found, services.now())
        if was_used:
            reports_changed(session, app.id)
    with suppress(TransientError):  # what is left is deleted as a pending deletion
        services.storage.delete_folder(symbols_folder(app.identifier, identifier))
