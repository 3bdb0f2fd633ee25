"""Stored objects without rows, of uploads and attempts that ended between the store and the database; the sweep deletes them."""

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from weakref import WeakKeyDictionary

import structlog

from app.batched import batched
from app.db.models.app import apps_after
from app.db.models.job import Job, find_jobs
from app.db.models.job_part import stored_parts
from app.db.models.log import stored_log_ids
from app.queueing.broker import PARTS
from app.services import Services
from app.storage import ObjectNotFound, ObjectStat, Storage
from app.storage_keys import index_key
from app.symbolication.chunks import MEMBERS
from app.symbolication.examining import objects_without_symbols

_lock = threading.Lock()

_walks: "WeakKeyDictionary[Storage, Iterator[list[ObjectStat]]]" = WeakKeyDictionary()

log = structlog.get_logger()


OBJECTS_AT_ONCE = 500  # objects looked up together


IN_FLIGHT = timedelta(hours=1)  # a younger object may belong to an upload or an attempt that is not committed yet


LOOK_AT = 20_000  # objects in one sweep


GO_ON_FOR = 2.0  # seconds, the same


APPS_AT_ONCE = 500


def old_orphans(services: Services, prefix: str) -> Iterator[ObjectStat]:
    """Objects below `jobs`, `logs` or `symbols` without a row and older than an hour, in constant memory."""
    before = services.now() - IN_FLIGHT
    return orphans(services, (stat for stat in services.storage.list(prefix) if stat.modified < before))


def orphans(services: Services, objects: Iterable[ObjectStat]) -> Iterator[ObjectStat]:
    """Those of the objects of one of these folders that no row knows."""
    for batch in batched(objects, OBJECTS_AT_ONCE):
        yield from _FINDERS[batch[0].key.partition("/")[0]](services, batch)


def delete_orphan(services: Services, stat: ObjectStat) -> bool:
    """Delete it, unless it was written again since it was listed or has a row by now; returns whether it did."""
    try:
        is_changed = services.storage.stat(stat.key).modified != stat.modified
    except ObjectNotFound:
        return False
    if is_changed or not any(True for _ in orphans(services, [stat])):
        return False
    services.storage.delete(stat.key)
    return True


def _without_jobs(services: Services, objects: list[ObjectStat]) -> Iterator[ObjectStat]:
    """Objects of jobs that are gone, or of attempts that a final job does not show."""
    ids = {stat.key.split("/")[1] for stat in objects}
    with services.db.read() as session:
        jobs = {job.id: job for job in find_jobs(session, ids)}
        in_parts = {job.id for job in jobs.values() if job.queue == PARTS}
        parts = {part.key for part in stored_parts(session, in_parts)}
    for stat in objects:
        job = jobs.get(stat.key.split("/")[1])
        if job is None or not (job.is_live or stat.key in parts or _is_of_result(job, stat.key)):
            yield stat


def _is_of_result(job: Job, key: str) -> bool:
    """True for a job's result and for the index beside it."""
    return job.result_key is not None and key in (job.result_key, index_key(job.result_key))


def _without_logs(services: Services, objects: list[ObjectStat]) -> Iterator[ObjectStat]:
    """Objects of uploads that were never answered with a 202."""
    with services.db.read() as session:
        known = stored_log_ids(session, [stat.key for stat in objects])
    return (stat for stat in objects if stat.key not in known)


_FINDERS: dict[str, Callable[[Services, list[ObjectStat]], Iterator[ObjectStat]]] = {
    "jobs": _without_jobs,
    "logs": _without_logs,
    "symbols": objects_without_symbols,
}


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
    folders = [
        "jobs",
        f"symbols/{MEMBERS}",
        *(f"{top}/{app}" for app in _apps(services) for top in ("logs", "symbols")),
    ]
    random.shuffle(folders)
    storage = services.storage
    for folder in folders:
        yield from batched(storage.list(folder), OBJECTS_AT_ONCE)
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
