"""Runs of data exporters: scheduled once, made as batches, delivered with the manifest last, tried until they succeed."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import structlog

from app import iso_time
from app.config import MIB
from app.db.hot.poll import WholeApp
from app.db.models.app import App
from app.db.models.crash import totals
from app.db.models.data_exporter import (
    LEASING,
    MAX_ERROR,
    DataExporter,
    DataExporterRun,
    RunState,
    add_run,
    apps_covered,
    lock_exporter,
    next_due_exporter,
)
from app.db.models.job import Job, JobState, latest_job
from app.db.models.job_part import parts_of
from app.db.models.membership import Role, role_of
from app.errors import AppError, NotFound
from app.jobs.answering import is_expired, lost_result_expires
from app.jobs.batch_params import AppBatch
from app.jobs.job_type import JobRequest, key_of
from app.jobs.service import look_up, start
from app.services import Services
from app.storage import Storage, open_storage
from app.storage_keys import checked
from app.telemetry import metrics
from app.work.errors import DatabaseRestarted, HandedBack, WorkerDied
from app.work.lease import Attempt, run_all
from app.work.limits import Budget
from app.work.work_type import WorkType

KIND = "app_batch"
PERIODS = {"daily": timedelta(days=1), "weekly": timedelta(days=7)}
LOOK_AGAIN = timedelta(seconds=5)  # while a batch is being made
LONGEST_PAUSE = timedelta(hours=1)
GO_ON_FOR = 20.0  # seconds after which no further run is taken up: other work waits for the worker too
MANIFEST = "manifest.json"
DELIVER_WITHIN = 600.0  # seconds of an attempt
DELIVER_WITHIN_PER_MIB = 10.0  # more of these for each MiB that is copied: 100 KB a second
OUR_FOLDER = "exports"
OWN = ""  # as a run's bucket: the service's own store

log = structlog.get_logger()


class NotTheirs(NotFound):
    """The exporter's owner has left the app, or only views it."""

    message = "Its owner is no longer a member of the app"


class BatchEnded(AppError):
    """The batch came to no result, or its result has gone before it was delivered."""


def run_exports(services: Services) -> None:
    """Schedule what is due and take every due run a step further. Safe to call at any time and twice at once."""
    schedule(services)
    begun = time.monotonic()
    run_all(services, WORK, until=lambda: time.monotonic() - begun >= GO_ON_FOR)


def schedule(services: Services) -> None:
    """Freeze the window of every scheduled time that has passed, the earliest first; one transaction for each time."""
    while True:
        now = services.now()
        with services.db.write() as session:
            exporter = next_due_exporter(session, now)
            if exporter is None:
                return
            for app in apps_covered(session, exporter.id):
                add_run(session, exporter.id, app.id, exporter.next_run_at, now)
            exporter.next_run_at += PERIODS[exporter.frequency]
            session.flush()


def _go_on(attempt: Attempt[DataExporterRun]) -> timedelta | None:
    """Take a run a step further; returns how long its batch may take before the next look, None once it is delivered."""
    services, run = attempt.services, attempt.row
    with services.db.read() as session:
        exporter, app = session.get_one(DataExporter, run.exporter_id), session.get_one(App, run.app_id)
        role = role_of(session, exporter.user_id, app.id)
        if role is None or not role.covers(Role.MEMBER):
            raise NotTheirs
    job = _job_of(services, run, exporter, app)
    if job.is_live:
        with services.db.write() as session:
            attempt.write(session, state=RunState.EXPORTING, job_id=job.id)
        return LOOK_AGAIN
    if job.state != JobState.FINISHED:
        raise BatchEnded(job.error_message or f"The batch was {job.state.value}")
    _deliver(attempt, job, exporter, app)
    return None


def _job_of(services: Services, run: DataExporterRun, exporter: DataExporter, app: App) -> Job:
    """The batch of this run, begun unless there is one. Equal requests are one job, so a lost answer doubles nothing."""
    if run.job_id is not None:
        return look_up(services, exporter.user_id, run.job_id)
    window = (run.after_row, run.upto_row)
    params = AppBatch(app_identifier=app.identifier, format=exporter.format, arrived=window)
    request = JobRequest(KIND, params, key_of(KIND, params))
    with services.db.read() as session:
        found = latest_job(session, request.key, exporter.user_id)
        about = WholeApp(None, app.id, *totals(session, app.id), app.reports_revision)
    if found is not None and found[1] is not None and (found[0].is_live or _can_be_had(found[0], services.now())):
        return found[0]
    return start(services, exporter.user_id, request, about)


def _can_be_had(job: Job, now: datetime) -> bool:
    return job.state == JobState.FINISHED and not is_expired(job, now)


def _deliver(attempt: Attempt[DataExporterRun], job: Job, exporter: DataExporter, app: App) -> None:
    """Copy every part, then write the manifest: where it exists, all that it names does."""
    services, run = attempt.services, attempt.row
    assert job.result_key is not None
    with lost_result_expires(services, job):
        manifest: dict[str, Any] = json.loads(services.storage.get(job.result_key, job.result_size))
    with services.db.read() as session:
        parts = parts_of(session, job.id)
    done = run.files_done if run.job_id == job.id and run.folder is not None else 0
    if done == 0:
        with suppress(BucketUnknown):  # the operator has taken that bucket away; the run goes on to another
            take_back(services, run.bucket, run.folder)  # what an earlier batch of this run may have left
        run.bucket, run.folder = destination(services, exporter, app, run)
        with services.db.write() as session:
            attempt.write(session, bucket=run.bucket, folder=run.folder, files_done=0)
        take_back(services, run.bucket, run.folder)
    assert run.bucket is not None
    store, folder = store_of(services, run.bucket), run.folder
    for part in parts[done:]:
        assert part.key is not None
        assert part.filename is not None
        attempt.extend((part.size or 0) / MIB * DELIVER_WITHIN_PER_MIB)
        with lost_result_expires(services, job):
            content = services.storage.stream(part.key, size=part.size)
        store.put(f"{folder}/{checked(part.filename)}", _while_held(attempt, content))
        done += 1
        with services.db.write() as session:
            attempt.write(session, job_id=job.id, files_done=done, files=len(parts))
    delivered = {
        **manifest,
        "exporter": exporter.identifier,
        "scheduled_for": iso_time.rfc3339(run.scheduled_for),
        "since": run.since and iso_time.rfc3339(run.since),
    }
    attempt.check()
    store.put_bytes(f"{folder}/{MANIFEST}", json.dumps(delivered, separators=(",", ":"), ensure_ascii=False).encode())
    now = services.now()
    with services.db.write() as session:
        held = lock_exporter(session, exporter.id)
        attempt.complete(session, state=RunState.DONE, job_id=job.id, rows=manifest["rows"], files=len(parts),
                         files_done=done, error=None, finished_at=now)  # fmt: skip
        if held is not None:
            held.last_run_at = now
        session.flush()
    metrics.export_runs.add("done")
    log.info("export_run_done", run=run.id, job=job.id, files=done)


def _while_held(attempt: Attempt[DataExporterRun], chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same chunks, while the run is this worker's. Raises AttemptLost: then nothing of the file is stored."""
    for chunk in chunks:
        attempt.check()
        yield chunk


def _again(_run: DataExporterRun, error: AppError) -> dict[str, Any]:
    """After an error a new batch is made, and why is shown; a run whose worker was lost goes on where it stands."""
    if isinstance(error, WorkerDied | HandedBack | DatabaseRestarted):
        return {}
    return {"state": RunState.FAILED, "error": error.message[:MAX_ERROR], "job_id": None, "files_done": 0}


def _count_failed(_services: Services, _run: DataExporterRun, _error: AppError, _is_over: bool) -> None:
    metrics.export_runs.add("failed")


WORK = WorkType(
    name="export_run",
    noun="run",
    leasing=LEASING,
    step=_go_on,
    budget=lambda _services, _run: Budget(seconds=DELIVER_WITHIN),
    max_failures=lambda _: None,  # for as long as it takes
    permanent=(),
    pause=lambda run: min(timedelta(seconds=10) * int(2 ** min(run.failures, 10)), LONGEST_PAUSE),
    again=_again,
    ended=_count_failed,
)
"""Due runs are looked for by a periodic task, which also begins what is scheduled."""


class BucketUnknown(AppError):
    """The operator does not name the bucket, or no longer."""

    message = "The bucket is not among those that the operator has configured"


def destination(services: Services, exporter: DataExporter, app: App, run: DataExporterRun) -> tuple[str, str]:
    """(bucket, folder) to which a run is to be delivered now. Raises BucketUnknown."""
    parts = (*filter(None, exporter.subfolder.split("/")), exporter.identifier, app.identifier)
    folder = "/".join((*map(checked, parts), f"{run.scheduled_for:%Y-%m-%dT%H%M%SZ}"))
    if not services.config.export_buckets:
        return OWN, f"{OUR_FOLDER}/{checked(exporter.bucket_name)}/{folder}"
    if exporter.bucket_name not in dict(services.config.export_buckets):
        raise BucketUnknown
    return exporter.bucket_name, folder


def store_of(services: Services, bucket: str) -> Storage:
    """The store of a bucket. Raises BucketUnknown."""
    if bucket == OWN:
        return services.storage
    url = dict(services.config.export_buckets).get(bucket)
    if url is None:
        raise BucketUnknown
    return _opened(url)


def take_back(services: Services, bucket: str | None, folder: str | None) -> None:
    """Delete what a run has delivered, if it has. Raises TransientError, or BucketUnknown."""
    if bucket is not None and folder is not None:
        store = store_of(services, bucket)
        store.delete(f"{folder}/manifest.json")  # first: what is there without it is not whole
        store.delete_folder(folder)


@cache
def _opened(url: str) -> Storage:
    return open_storage(url, is_marked=False)
