"""The symbols of an app, found and opened as crash reports ask for them."""

from app.crashes.log import CrashLog
from app.db import Database
from app.db.models.symbols import MAPPING, NATIVE, SOURCE_MAP, all_keys, cache_keys, mapping_key
from app.storage import Storage
from app.symbolication.symbol_cache import symbol_cache_of
from app.symbols.java import JavaNames
from app.symbols.native import NativeNames
from app.symbols.resolving import Resolved, is_java, mapping_ids, native_ids, resolve, scripts_of
from app.symbols.scripts import ScriptNames

AT_ONCE = 500  # ids that one statement asks for
KNOWN_AT_ONCE = 1_000  # images of an app that are all looked up together, once a second report asks


class OpenedSymbols:
    """Names the frames of one app's reports. Take one for what is made together: it asks for each image once."""

    def __init__(self, db: Database, storage: Storage, app_id: int) -> None:
        self._db, self._storage, self._app_id = db, storage, app_id
        self._keys: dict[tuple[str, str], str | None] = {}  # (kind, debug id) -> where it lies
        self._by_version: dict[tuple[str, str], str | None] = {}
        self._requests = 0
        self._is_all_known = False

    def resolve(self, report: CrashLog, *, only_crash: bool = False) -> Resolved:
        """The report with every frame named that the app's symbols know, or only those that tell the crash.

        Raises TransientError.
        """
        wanted = sorted(native_ids(report, only_crash=only_crash))
        self._look_up(wanted, NATIVE)
        mapping = self._mapping(report) if is_java(report) else None

        cache = symbol_cache_of(self._storage)
        opened: dict[str, NativeNames | None] = {}  # for this report, however many images it has

        def native(debug_id: str) -> NativeNames | None:
            if debug_id not in opened:
                key = self._keys.get((NATIVE, debug_id))
                found = cache.open(self._storage, key, NativeNames) if key else None
                opened[debug_id] = found if isinstance(found, NativeNames) else None
            return opened[debug_id]

        scripts = scripts_of(report, only_crash=only_crash)
        self._look_up([one for ids in scripts.values() for one in ids], SOURCE_MAP)
        maps: dict[str, ScriptNames | None] = {}

        def script(file: str) -> ScriptNames | None:
            if file not in maps:
                keys = (self._keys.get((SOURCE_MAP, one)) for one in scripts.get(file, ()))
                key = next((one for one in keys if one), None)
                found = cache.open(self._storage, key, ScriptNames) if key else None
                maps[file] = found if isinstance(found, ScriptNames) else None
            return maps[file]

        java = cache.open(self._storage, mapping, JavaNames) if mapping else None
        known_java = java if isinstance(java, JavaNames) else None
        return resolve(report, native, known_java, script, only_crash=only_crash)

    def _mapping(self, report: CrashLog) -> str | None:
        """By the id that the report names, else by version and build."""
        ids = mapping_ids(report)[:AT_ONCE]
        self._look_up(ids, MAPPING)
        named = next((key for one in ids if (key := self._keys.get((MAPPING, one)))), None)
        if named:
            return named
        version = (report.app.version or "", report.app.build or "")
        if version not in self._by_version:
            with self._db.read() as session:
                self._by_version[version] = mapping_key(session, self._app_id, *version)
        return self._by_version[version]

    def _look_up(self, wanted: list[str], kind: str) -> None:
        new = [one for one in wanted if (kind, one) not in self._keys]
        if not new or self._is_all_known:
            return
        with self._db.read() as session:
            if self._requests:
                every = all_keys(session, self._app_id, KNOWN_AT_ONCE + 1)
                self._is_all_known = len(every) <= KNOWN_AT_ONCE
                self._keys.update({(one.kind, one.debug_id): one.cache_key for one in every})
            if not self._is_all_known:
                for at in range(0, len(new), AT_ONCE):
                    found = cache_keys(session, self._app_id, new[at : at + AT_ONCE], kind)
                    self._keys.update({(kind, one): found.get(one) for one in new[at : at + AT_ONCE]})
        self._requests += 1
