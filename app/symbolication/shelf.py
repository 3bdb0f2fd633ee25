"""Open files of symbols, kept by a process for what it does next; bounded, those used longest ago are closed."""

import threading
import time
from collections import OrderedDict
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple
from weakref import WeakKeyDictionary

import structlog

from app.storage import ObjectNotFound, Storage
from app.symbols.java import JavaNames
from app.symbols.native import NativeNames
from app.symbols.objects import NotSymbols
from app.symbols.scripts import ScriptNames

OPEN_AT_ONCE = 32  # files
BYTES_AT_ONCE = (
    512 * 1024 * 1024
)  # of theirs in the temporary folder, unless one alone is larger; they are mapped, not read
IN_MEMORY = 8  # times its size that a file counts which is read, not mapped: 64 MiB of source maps
IDLE_FOR = 300.0  # seconds without use after which a file is closed

Names = NativeNames | JavaNames | ScriptNames

log = structlog.get_logger()


class _Kept(NamedTuple):
    names: Names
    size: int  # bytes
    used_at: float  # monotonic seconds


class Shelf:
    """What one process has open of one storage. What lies under a key never changes, so nothing here becomes wrong."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, storage: Storage, key: str, kind: type[Names]) -> Names | None:
        """The symbols under a key; None when they are lost, or have just been deleted. Raises TransientError."""
        with self._lock:
            now = time.monotonic()
            known = self._kept.pop(key, None)
            self._close(now)
            kept = known or _opened(storage, key, kind)
            if kept is None:
                return None
            self._kept[key] = kept._replace(used_at=now)
            while len(self._kept) > 1 and self._is_full():
                self._kept.popitem(last=False)
            return kept.names

    def _close(self, now: float) -> None:
        while self._kept and next(iter(self._kept.values())).used_at < now - IDLE_FOR:
            self._kept.popitem(last=False)

    def _is_full(self) -> bool:
        return len(self._kept) > OPEN_AT_ONCE or sum(one.size for one in self._kept.values()) > BYTES_AT_ONCE


def _opened(storage: Storage, key: str, kind: type[Names]) -> _Kept | None:
    with NamedTemporaryFile(prefix="crashq-symbols-") as file:  # what is mapped stays readable when its name is gone
        try:
            for chunk in storage.stream(key):
                file.write(chunk)
            file.flush()
            weight = IN_MEMORY if kind is ScriptNames else 1
            return _Kept(kind(Path(file.name)), file.tell() * weight, 0.0)
        except (ObjectNotFound, NotSymbols) as error:
            log.warning("symbols_lost", key=key, error=error.code)
            return None


_SHELVES: WeakKeyDictionary[Storage, Shelf] = WeakKeyDictionary()


def shelf_of(storage: Storage) -> Shelf:
    """The shelf of a storage in this process."""
    return _SHELVES.setdefault(storage, Shelf())
