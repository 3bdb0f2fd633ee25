"""Finds rows without their stored objects, objects without their rows and times of wrong clocks, and mends them."""

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import TypeVar
from weakref import WeakKeyDictionary

import structlog

from app.db.models.app import apps_after
from app.db.models.job import Job, expire, find_jobs, finished_jobs_after
from app.db.models.job_part import stored_parts
from app.db.models.log import Log, logs_after, mark_lost, stored_log_ids
from app.db.queries.removal import correct_times, crashes_with_wrong_times
from app.queueing.broker import PARTS
from app.services import Services
from app.storage import ObjectNotFound, ObjectStat, Storage, index_key
from app.symbolication.stored import Finding, objects_without_symbols, symbols_without_objects

BATCH = 500  # rows looked at together

ANEW = "the job counts as expired, so that asking again makes it anew"
LOST = "The stored bytes of this log are lost"
T = TypeVar("T")
OBJECTS_AT_ONCE = 500  # objects looked up together
IN_FLIGHT = timedelta(hours=1)  # a younger object may belong to an upload or an attempt that is not committed yet

OWNERS = {"jobs": "result", "logs": "log", "symbols": "symbols"}
"""Folder of the store -> what an object in it belongs to."""
LOOK_AT = 20_000  # objects in one sweep
GO_ON_FOR = 2.0  # seconds, the same
APPS_AT_ONCE = 500
_walks: "WeakKeyDictionary[Storage, Iterator[list[ObjectStat]]]" = WeakKeyDictionary()
_lock = threading.Lock()

log = structlog.get_logger()


def examine(services: Services) -> Iterator[Finding]:
    """Every mismatch between database and storage, in constant memory. Nothing is changed until `mend` is called."""
    yield from _results_without_objects(services)
    yield from _logs_without_bytes(services)
    yield from symbols_without_objects(services)
    yield from _objects_without_rows(services)
    yield from _unfinished_files(services)
    yield from _wrong_times(services)


def _results_without_objects(services: Services) -> Iterator[Finding]:
    last = ""
    while True:
        with services.db.read() as session:
            jobs = finished_jobs_after(session, last, BATCH)
        if not jobs:
            return
        last = jobs[-1].id
        for job in jobs:
            if job.result_key is not None and not _is_stored(services, job.result_key, job.result_size):
                what = f"job {job.id} is finished, but its result is not in the storage"
                yield Finding(what, ANEW, _expiry(services, job))
        yield from _parts_without_objects(services, {job.id: job for job in jobs if job.queue == PARTS})


def _parts_without_objects(services: Services, jobs: dict[str, Job]) -> Iterator[Finding]:
    for job_id, job in jobs.items():
        with services.db.read() as session:
            parts = stored_parts(session, {job_id})
        for part in parts:
            if not _is_stored(services, str(part.key), part.size):
                what = f"job {job_id} is finished, but its part {part.number} is not in the storage"
                yield Finding(what, ANEW, _expiry(services, job))


def _logs_without_bytes(services: Services) -> Iterator[Finding]:
    last = 0
    while True:
        with services.db.read() as session:
            logs = logs_after(session, last, BATCH)
        if not logs:
            return
        last = logs[-1].id
        for log in logs:
            known = log.error_message == LOST or log.removed_at is not None
            if not known and not _is_stored(services, log.storage_key, log.size):
                what = f"log {log.id} ({log.status.value}) has no bytes in the storage"
                yield Finding(what, "the log says so; one not digested yet is rejected", _loss(services, log))


def _objects_without_rows(services: Services) -> Iterator[Finding]:
    for folder, owner in OWNERS.items():
        for stat in old_orphans(services, folder):
            mend = partial(delete_orphan, services, stat)
            yield Finding(f"{stat.key} belongs to no {owner}", "it is deleted", mend)


def _unfinished_files(services: Services) -> Iterator[Finding]:
    """What killed processes left half-written in a folder."""
    before = (services.now() - IN_FLIGHT).timestamp()
    for path in services.storage.unfinished():
        if path.stat().st_mtime < before:
            yield Finding(f"{path.name} was never finished", "it is deleted", partial(path.unlink, missing_ok=True))


def _wrong_times(services: Services) -> Iterator[Finding]:
    """Crashes that an earlier release has counted at the times of wrong clocks."""
    last, oldest = 0, timedelta(days=services.config.oldest_crash_days)
    while True:
        with services.db.read() as session:
            crashes = crashes_with_wrong_times(session, last, services.now(), oldest)
        if not crashes:
            return
        last = crashes[-1][0]
        for crash_id, identifier in crashes:
            what = f"crash {identifier} was seen in the future, or longer ago than CRASHQ_OLDEST_CRASH_DAYS"
            remedy = "such occurrences count as seen when their logs arrived; their own dates stay"
            yield Finding(what, remedy, _correction(services, crash_id, oldest))


def _correction(services: Services, crash_id: int, oldest: timedelta) -> Callable[[], None]:
    def mend() -> None:
        with services.db.write() as session:
            correct_times(session, crash_id, services.now(), oldest)

    return mend


def _is_stored(services: Services, key: str, size: int | None) -> bool:
    try:
        return services.storage.stat(key).size == size
    except ObjectNotFound:
        return False


def _expiry(services: Services, job: Job) -> Callable[[], None]:
    def mend() -> None:
        forget_at = services.now() + timedelta(seconds=services.config.tombstone_lifetime)
        with services.db.write() as session:
            expire(session, job.id, forget_at)

    return mend


def _loss(services: Services, log: Log) -> Callable[[], None]:
    def mend() -> None:
        with services.db.write() as session:
            mark_lost(session, log.id, LOST, services.now())

    return mend


def batched(items: Iterable[T], most: int) -> Iterator[list[T]]:
    """All items in their order, in lists of `most`; the last one may be shorter, and none is empty."""
    iterator = iter(items)
    while batch := list(islice(iterator, most)):
        yield batch


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
    folders = ["jobs", *(f"{top}/{app}" for app in _apps(services) for top in ("logs", "symbols"))]
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
