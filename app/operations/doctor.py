"""Finds rows without their stored objects, objects without their rows and times of wrong clocks, and mends them."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

import structlog

from app.db.models.job import Job, expire, finished_jobs_after
from app.db.models.job_part import stored_parts
from app.db.models.log import Log, logs_after, mark_lost
from app.db.queries.removal import correct_times, crashes_with_wrong_times
from app.operations.finding import Finding
from app.operations.orphans import IN_FLIGHT, delete_orphan, old_orphans
from app.queueing.broker import PARTS
from app.services import Services
from app.storage import ObjectNotFound
from app.symbolication.examining import symbols_without_objects

BATCH = 500  # rows looked at together

ANEW = "the job counts as expired, so that asking again makes it anew"
LOST = "The stored bytes of this log are lost"

OWNERS = {"jobs": "result", "logs": "log", "symbols": "symbols"}
"""Folder of the store -> what an object in it belongs to."""

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
