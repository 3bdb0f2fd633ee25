"""The symbols of an app, opened as crash reports ask for them: copied from the storage, mapped, closed again."""

from collections import OrderedDict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import structlog
from sqlalchemy.orm import Session

from app.crashes.log import CrashLog
from app.db import Database
from app.db.symbols import cache_keys, mapping_key
from app.storage import ObjectNotFound, Storage
from app.symbols.java import JavaNames
from app.symbols.native import NativeNames
from app.symbols.objects import NotSymbols
from app.symbols.resolving import Resolved, is_java, mapping_ids, native_ids, resolve

OPEN_AT_ONCE = 32  # files; those used longest ago are closed
AT_ONCE = 500  # ids that one statement asks for

log = structlog.get_logger()


class OpenedSymbols:
    """Names the frames of one app's reports. Close it: it holds a folder of its own."""

    def __init__(self, db: Database, storage: Storage, app_id: int) -> None:
        self._db, self._storage, self._app_id = db, storage, app_id
        self._folder = TemporaryDirectory(prefix="crashq-symbols-")
        self._opened: OrderedDict[str, NativeNames | JavaNames | None] = OrderedDict()
        self._copies = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.clear()
        self._folder.cleanup()

    def resolve(self, report: CrashLog) -> Resolved:
        """The report with every frame named that the app's symbols know. Raises TransientError."""
        wanted = sorted(native_ids(report))
        keys: dict[str, str] = {}
        with self._db.read() as session:
            for at in range(0, len(wanted), AT_ONCE):
                keys |= cache_keys(session, self._app_id, wanted[at : at + AT_ONCE], mappings=False)
            mapping = self._mapping(session, report) if is_java(report) else None

        def native(debug_id: str) -> NativeNames | None:
            found = self._open(keys[debug_id], NativeNames) if debug_id in keys else None
            return found if isinstance(found, NativeNames) else None

        java = self._open(mapping, JavaNames) if mapping else None
        return resolve(report, native, java if isinstance(java, JavaNames) else None)

    def _mapping(self, session: Session, report: CrashLog) -> str | None:
        """By the id that the report names, else by version and build."""
        ids = mapping_ids(report)[:AT_ONCE]
        keys = cache_keys(session, self._app_id, ids, mappings=True) if ids else {}
        named = next((keys[one] for one in ids if one in keys), None)
        return named or mapping_key(session, self._app_id, report.app.version or "", report.app.build or "")

    def _open(self, key: str, kind: type[NativeNames] | type[JavaNames]) -> NativeNames | JavaNames | None:
        """None when it is lost, or was deleted a moment ago."""
        if key in self._opened:
            self._opened.move_to_end(key)
            return self._opened[key]
        while len(self._opened) >= OPEN_AT_ONCE:
            self._opened.popitem(last=False)
        file = Path(self._folder.name) / str(self._copies)
        self._copies += 1
        try:
            with file.open("wb") as out:
                for chunk in self._storage.stream(key):
                    out.write(chunk)
            self._opened[key] = kind(file)
        except (ObjectNotFound, NotSymbols) as error:
            log.warning("symbols_lost", app=self._app_id, error=error.code)
            self._opened[key] = None
        file.unlink(missing_ok=True)  # what is mapped stays readable, and takes no room once it is closed
        return self._opened[key]
