"""The symbols of an app, found and opened as crash reports ask for them, and kept open in a bounded cache."""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple, TypeVar
from weakref import WeakKeyDictionary

import structlog

from app.crashes.log import CrashLog
from app.db import Database
from app.db.models.symbols import MAPPING, NATIVE, SOURCE_MAP, all_keys, cache_keys, has_symbols, mapping_key
from app.services import Services
from app.storage import ObjectDamaged, ObjectNotFound, Storage
from app.storage_keys import sha256_in
from app.symbolication.damage import make_cache_again
from app.symbols import NotSymbols
from app.symbols.awaited_keys import sources_key, unwind_key
from app.symbols.java import JavaNames
from app.symbols.objects import NativeNames
from app.symbols.resolving import Resolved, bundle_ids, is_java, mapping_ids, native_ids, resolve, scripts_of
from app.symbols.scripts import ScriptNames, no_sources
from app.symbols.source_files import SourceFiles
from app.symbols.unwind_table import UnwindTable, unwind_ids, unwound

OPEN_AT_ONCE = 32  # files
BYTES_AT_ONCE = (
    512 * 1024 * 1024
)  # of theirs in the temporary folder, unless one alone is larger; they are mapped, not read
IN_MEMORY = 8  # times its size that a file counts which is read, not mapped: 64 MiB of source maps
IDLE_FOR = 300.0  # seconds without use after which a file is closed

Names = NativeNames | JavaNames | ScriptNames | UnwindTable | SourceFiles
N = TypeVar("N", NativeNames, JavaNames, ScriptNames, UnwindTable, SourceFiles)
AT_ONCE = 500  # ids that one statement asks for
KNOWN_AT_ONCE = 1_000  # images of an app that are all looked up together, once a second report asks

log = structlog.get_logger()


class _Kept(NamedTuple):
    names: Names
    size: int  # bytes
    used_at: float  # monotonic seconds


class SymbolCache:
    """The files of one storage that this process has open. The object of a key never changes, so no entry becomes stale."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, storage: Storage, key: str, kind: type[Names]) -> Names:
        """The symbols under a key. Raises ObjectNotFound, also when they are damaged, NotSymbols and TransientError."""
        with self._lock:
            now = time.monotonic()
            known = self._kept.pop(key, None)
            self._close(now)
            kept = known or _opened(storage, key, kind)
            self._kept[key] = kept._replace(used_at=now)
            while len(self._kept) > 1 and self._is_full():
                self._kept.popitem(last=False)
            return kept.names

    def _close(self, now: float) -> None:
        while self._kept and next(iter(self._kept.values())).used_at < now - IDLE_FOR:
            self._kept.popitem(last=False)

    def _is_full(self) -> bool:
        return len(self._kept) > OPEN_AT_ONCE or sum(one.size for one in self._kept.values()) > BYTES_AT_ONCE


def _with_sources(found_by: list[str]) -> list[str]:
    return [*found_by, *map(sources_key, found_by)]


def _opened(storage: Storage, key: str, kind: type[Names]) -> _Kept:
    expected, found = sha256_in(key), hashlib.sha256()
    with NamedTemporaryFile(prefix="crashq-symbols-") as file:  # what is mapped stays readable when its name is gone
        for chunk in storage.stream(key):
            file.write(chunk)
            found.update(chunk)
        file.flush()
        if expected not in (None, found.hexdigest()):
            raise ObjectDamaged
        weight = IN_MEMORY if kind is ScriptNames else 1
        return _Kept(kind(Path(file.name)), file.tell() * weight, 0.0)


_CACHES: WeakKeyDictionary[Storage, SymbolCache] = WeakKeyDictionary()  # this process's


class OpenedSymbols:
    """Names the frames of one app's reports. Take one for what is made together: it asks for each image once."""

    def __init__(self, db: Database, storage: Storage, app_id: int, now: Callable[[], datetime]) -> None:
        self._db, self._storage, self._app_id, self._now = db, storage, app_id, now
        self._keys: dict[tuple[str, str], str | None] = {}  # (kind, debug id) -> where it lies
        self._by_version: dict[tuple[str, str], str | None] = {}
        self._requests = 0
        self._is_all_known = False

    def resolve(self, report: CrashLog, *, only_crash: bool = False) -> Resolved:
        """The report with every frame named that the app's symbols know, or only those that tell the crash.

        Raises TransientError.
        """
        cache = _CACHES.setdefault(self._storage, SymbolCache())
        report = self._unwound(report, cache, only_crash=only_crash)
        wanted = sorted(native_ids(report, only_crash=only_crash))
        self._look_up(wanted if only_crash else _with_sources([*wanted, *bundle_ids(report)]), NATIVE)
        mapping = self._mapping(report) if is_java(report) else None
        opened: dict[str, NativeNames | None] = {}  # for this report, however many images it has

        def native(debug_id: str) -> NativeNames | None:
            if debug_id not in opened:
                key = self._keys.get((NATIVE, debug_id))
                opened[debug_id] = self._open(cache, key, NativeNames) if key else None
            return opened[debug_id]

        scripts = scripts_of(report, only_crash=only_crash)
        placed = [one for ids in scripts.values() for one in ids]
        self._look_up(placed if only_crash else _with_sources(placed), SOURCE_MAP)
        maps: dict[str, ScriptNames | None] = {}

        def map_of(file: str) -> tuple[str, str] | None:
            named = ((SOURCE_MAP, one) for one in scripts.get(file, ()))
            return next((one for one in named if self._keys.get(one)), None)

        def script(file: str) -> ScriptNames | None:
            if file not in maps:
                named = map_of(file)
                key = self._keys[named] if named else None
                maps[file] = self._open(cache, key, ScriptNames) if key else None
            return maps[file]

        files: dict[str, SourceFiles | None] = {}

        def sources(belonging_to: str) -> SourceFiles | None:
            if belonging_to not in files:
                named = map_of(belonging_to) if scripts else (NATIVE, belonging_to)
                key = self._keys.get((named[0], sources_key(named[1]))) if named else None
                files[belonging_to] = self._open(cache, key, SourceFiles) if key else None
            return files[belonging_to]

        java = self._open(cache, mapping, JavaNames) if mapping else None
        return resolve(
            report, native, java, script, self._has_table, no_sources if only_crash else sources, only_crash=only_crash
        )

    def _unwound(self, report: CrashLog, cache: SymbolCache, *, only_crash: bool) -> CrashLog:
        keys = [unwind_key(one) for one in unwind_ids(report)]
        self._look_up(keys, NATIVE)
        if not any(self._keys.get((NATIVE, one)) for one in keys):
            return report

        def table(debug_id: str) -> UnwindTable | None:
            key = self._keys.get((NATIVE, unwind_key(debug_id)))
            return self._open(cache, key, UnwindTable) if key else None

        return unwound(report, table, only_crash=only_crash)

    def _open(self, cache: SymbolCache, key: str, kind: type[N]) -> N | None:
        """None when what lies there is lost, damaged, of another kind or has just been deleted; what is lost is made anew."""
        try:
            found = cache.open(self._storage, key, kind)
        except (ObjectNotFound, NotSymbols) as error:
            log.warning("symbols_lost", key=key, error=error.code)
            if isinstance(error, ObjectNotFound) or sha256_in(key) is None:
                make_cache_again(self._db, key, self._now())
            self._keys = {named: None if at == key else at for named, at in self._keys.items()}  # reports wait for it
            return None
        return found if isinstance(found, kind) else None

    def _has_table(self, debug_id: str) -> bool:
        return self._keys.get((NATIVE, unwind_key(debug_id))) is not None

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


class BulkSymbols:
    """Finds the symbols of each app. Make a new one for each bulk of logs: the symbols of an app may have changed since."""

    def __init__(self, services: Services, known: Mapping[int, bool] | None = None) -> None:
        """`known`: whether apps (row ids) have symbols; the others are looked up when they are needed."""
        self._services = services
        self._known = dict(known or {})
        self._opened: dict[int, OpenedSymbols] = {}

    def resolve(self, app_id: int, report: CrashLog) -> Resolved:
        """A report with the frames named that identify its crash, and the symbols it waits for. Raises TransientError."""
        opened = self._of(app_id)
        return (
            opened.resolve(report, only_crash=True)
            if opened
            else resolve(report, lambda _id: None, None, only_crash=True)
        )

    def _of(self, app_id: int) -> OpenedSymbols | None:
        if app_id not in self._known:
            with self._services.db.read() as session:
                self._known[app_id] = has_symbols(session, app_id)
        if not self._known[app_id]:
            return None
        if app_id not in self._opened:
            services = self._services
            self._opened[app_id] = OpenedSymbols(services.db, services.storage, app_id, services.now)
        return self._opened[app_id]
