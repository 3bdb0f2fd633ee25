"""Finds rows without their stored objects, objects without their rows and times of wrong clocks, and mends them."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

from app.batched import batched
from app.broker import PARTS
from app.db.job import Job, JobState, find_jobs, finished_jobs_after, move
from app.db.job_part import stored_parts
from app.db.log import Log, logs_after, mark_lost, stored_log_ids
from app.db.seen_times import correct_times, crashes_with_wrong_times
from app.finding import Finding
from app.services import Services
from app.storage import ObjectNotFound, ObjectStat, index_key
from app.symbolication.examining import objects_without_symbols, symbols_without_objects

BATCH = 500  # rows or objects looked at together
IN_FLIGHT = timedelta(hours=1)  # a younger object may belong to an upload or an attempt that is not committed yet

ANEW = "the job counts as expired, so that asking again makes it anew"
LOST = "The stored bytes of this log are lost"


def examine(services: Services) -> Iterator[Finding]:
    """Every mismatch between database and storage, in constant memory. Nothing is changed until `mend` is called."""
    yield from _results_without_objects(services)
    yield from _logs_without_bytes(services)
    yield from _job_files_without_jobs(services)
    yield from _bytes_without_logs(services)
    yield from symbols_without_objects(services)
    yield from objects_without_symbols(services, partial(_old, services))
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


def _job_files_without_jobs(services: Services) -> Iterator[Finding]:
    """Objects of jobs that are gone, or of attempts that a final job does not show."""
    for objects in batched(_old(services, "jobs"), BATCH):
        ids = {stat.key.split("/")[1] for stat in objects}
        with services.db.read() as session:
            jobs = {job.id: job for job in find_jobs(session, ids)}
            in_parts = {job.id for job in jobs.values() if job.queue == PARTS}
            parts = {part.key for part in stored_parts(session, in_parts)}
        for stat in objects:
            job = jobs.get(stat.key.split("/")[1])
            if job is None or not (job.is_live or stat.key in parts or _is_of_result(job, stat.key)):
                yield Finding(f"{stat.key} belongs to no result", "it is deleted", _deletion(services, stat))


def _is_of_result(job: Job, key: str) -> bool:
    """True for a job's result and for the index beside it."""
    return job.result_key is not None and key in (job.result_key, index_key(job.result_key))


def _bytes_without_logs(services: Services) -> Iterator[Finding]:
    """Objects of uploads that were never answered with a 202."""
    for objects in batched(_old(services, "logs"), BATCH):
        with services.db.read() as session:
            known = stored_log_ids(session, [stat.key for stat in objects])
        for stat in objects:
            if stat.key not in known:
                yield Finding(f"{stat.key} belongs to no log", "it is deleted", _orphans_end(services, stat))


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


def _old(services: Services, prefix: str) -> Iterator[ObjectStat]:
    before = services.now() - IN_FLIGHT
    return (stat for stat in services.storage.list(prefix) if stat.modified < before)


def _is_stored(services: Services, key: str, size: int | None) -> bool:
    try:
        return services.storage.stat(key).size == size
    except ObjectNotFound:
        return False


def _expiry(services: Services, job: Job) -> Callable[[], None]:
    def mend() -> None:
        forget_at = services.now() + timedelta(seconds=services.config.tombstone_lifetime)
        with services.db.write() as session:
            finished = (JobState.FINISHED,)
            move(session, job.id, finished, state=JobState.EXPIRED, result_text=None, expires_at=forget_at)

    return mend


def _loss(services: Services, log: Log) -> Callable[[], None]:
    def mend() -> None:
        with services.db.write() as session:
            mark_lost(session, log.id, LOST, services.now())

    return mend


def _orphans_end(services: Services, stat: ObjectStat) -> Callable[[], None]:
    """The same log sent again on the same day writes the same object: what has changed since it was listed stays."""

    def mend() -> None:
        with services.db.read() as session:
            is_known = bool(stored_log_ids(session, [stat.key]))
        if not is_known and services.storage.stat(stat.key).modified == stat.modified:
            services.storage.delete(stat.key)

    return mend


def _deletion(services: Services, stat: ObjectStat) -> Callable[[], None]:
    return lambda: services.storage.delete(stat.key)
