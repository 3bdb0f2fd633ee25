"""Deletes stored objects without rows by itself, some in each sweep: nobody else would ever ask for them."""

import random
import threading
import time
from collections.abc import Iterator
from weakref import WeakKeyDictionary

import structlog

from app.db.models.app import apps_after
from app.operations.orphans import BATCH, IN_FLIGHT, batched, delete_orphan, orphans
from app.services import Services
from app.storage import ObjectStat, Storage

LOOK_AT = 20_000  # objects in one sweep
GO_ON_FOR = 2.0  # seconds, the same
APPS_AT_ONCE = 500

log = structlog.get_logger()

_walks: "WeakKeyDictionary[Storage, Iterator[list[ObjectStat]]]" = WeakKeyDictionary()
_lock = threading.Lock()


def sweep_orphans(services: Services) -> int:
    """Delete objects without rows that are older than an hour, where the last sweep of this process ended; returns how many.

    A large store is looked through in many sweeps, its folders in random order: so each is reached although the
    process may end before the last. Only folders of apps that the database knows are looked at. Raises TransientError.
    """
    if not _lock.acquire(blocking=False):  # another thread is at it
        return 0
    try:
        return _sweep(services)
    finally:
        _lock.release()


def _sweep(services: Services) -> int:
    deadline, left, removed = time.monotonic() + GO_ON_FOR, LOOK_AT, 0
    walk = _walks.pop(services.storage, None) or _walk(services)
    for objects in walk:
        before = services.now() - IN_FLIGHT
        old = [stat for stat in objects if stat.modified < before]
        removed += sum(delete_orphan(services, stat) for stat in orphans(services, old))
        left -= max(len(objects), 1)
        if left <= 0 or time.monotonic() >= deadline:
            _walks[services.storage] = walk
            break
    if removed:
        log.info("orphans_removed", objects=removed)
    return removed


def _walk(services: Services) -> Iterator[list[ObjectStat]]:
    """All objects that need a row, and an empty list after each folder: to find it empty is work, too."""
    folders = ["jobs", *(f"{top}/{app}" for app in _apps(services) for top in ("logs", "symbols"))]
    random.shuffle(folders)
    storage = services.storage
    for folder in folders:
        yield from batched(storage.list(folder), BATCH)
        yield []


def _apps(services: Services) -> Iterator[str]:
    last = 0
    while True:
        with services.db.read() as session:
            apps = apps_after(session, last, APPS_AT_ONCE)
            yield from [app.identifier for app in apps]
        if not apps:
            return
        last = apps[-1].id
