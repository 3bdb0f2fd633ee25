"""The runs of data exporters: scheduled once, made as batches, delivered with the manifest last, tried until it succeeds."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import structlog

from app import iso_time, metrics
from app.db.app import App, is_member
from app.db.crash import totals
from app.db.data_exporter import (
    MAX_ERROR,
    DataExporter,
    DataExporterRun,
    RunState,
    add_run,
    apps_covered,
    claim_run,
    move_run,
    next_due_exporter,
)
from app.db.job import Job, JobState, latest_job
from app.db.job_part import parts_of
from app.db.poll import WholeApp
from app.errors import AppError, NotFound
from app.jobs.batch.question import AppBatch
from app.jobs.exporters.places import BucketUnknown, destination, store_of, take_back
from app.jobs.freshness import is_expired
from app.jobs.request import request_for
from app.jobs.service import look_up, start
from app.services import Services
from app.storage import checked

KIND = "app_batch"
PERIODS = {"daily": timedelta(days=1), "weekly": timedelta(days=7)}
LEASE = timedelta(seconds=120)  # of a step; renewed with each delivered file
RENEW_AFTER = 30.0  # seconds within a file
LOOK_AGAIN = timedelta(seconds=5)  # while a batch is being made
LONGEST_PAUSE = timedelta(hours=1)
GO_ON_FOR = 20.0  # seconds after which no further run is taken up: other work waits for the worker too
MANIFEST = "manifest.json"

log = structlog.get_logger()


class RunLost(Exception):
    """Another worker has taken the run up meanwhile."""


class NotTheirs(NotFound):
    """The exporter's owner has left the app."""

    message = "Its owner is no longer a member of the app"


class BatchEnded(AppError):
    """The batch came to no result, or its result has gone before it was delivered."""


def run_exports(services: Services) -> None:
    """Schedule what is due and take every due run a step further. Safe to call at any time and twice at once."""
    schedule(services)
    begun = time.monotonic()
    while time.monotonic() - begun < GO_ON_FOR and _step(services):
        pass


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


def _step(services: Services) -> bool:
    """Take one due run a step further; False when none is due."""
    now = services.now()
    with services.db.write() as session:
        run = claim_run(session, now, now + LEASE)
    if run is None:
        return False
    try:
        _go_on(services, run)
    except RunLost:
        log.info("export_run_lost", run=run.id, attempt=run.attempt)
    except AppError as error:
        _fail(services, run, error.message)
    except Exception as error:
        log.exception("export_run_broke", run=run.id, error=type(error).__name__)
        _fail(services, run, "The server failed to make this run")
    return True


def _go_on(services: Services, run: DataExporterRun) -> None:
    with services.db.read() as session:
        exporter, app = session.get_one(DataExporter, run.exporter_id), session.get_one(App, run.app_id)
        if not is_member(session, exporter.user_id, app.id):
            raise NotTheirs
    job = _job_of(services, run, exporter, app)
    if job.is_live:
        later = services.now() + LOOK_AGAIN
        _move(services, run, state=RunState.EXPORTING, job_id=job.id, next_at=later, lease_expires_at=None)
    elif job.state == JobState.FINISHED:
        _deliver(services, run, job, exporter, app)
    else:
        raise BatchEnded(job.error_message or f"The batch was {job.state.value}")


def _job_of(services: Services, run: DataExporterRun, exporter: DataExporter, app: App) -> Job:
    """The batch of this run, begun unless there is one. Equal questions are one job, so a lost answer doubles nothing."""
    if run.job_id is not None:
        return look_up(services, exporter.user_id, run.job_id)
    window = (run.after_row, run.upto_row)
    request = request_for(KIND, AppBatch(app_identifier=app.identifier, format=exporter.format, arrived=window))
    with services.db.read() as session:
        found = latest_job(session, request.key, exporter.user_id)
        about = WholeApp(None, app.id, *totals(session, app.id), app.reports_revision)
    if found is not None and found[1] is not None and (found[0].is_live or _can_be_had(found[0], services.now())):
        return found[0]
    return start(services, exporter.user_id, request, about)


def _can_be_had(job: Job, now: datetime) -> bool:
    return job.state == JobState.FINISHED and not is_expired(job, now)


def _deliver(services: Services, run: DataExporterRun, job: Job, exporter: DataExporter, app: App) -> None:
    """Copy every part, then write the manifest: who finds it finds all that it names."""
    assert job.result_key is not None
    manifest: dict[str, Any] = json.loads(services.storage.get(job.result_key))
    with services.db.read() as session:
        parts = parts_of(session, job.id)
    done = run.files_done if run.job_id == job.id and run.folder is not None else 0
    if done == 0:
        with suppress(BucketUnknown):  # the operator has taken that bucket away; the run goes on to another
            take_back(services, run.bucket, run.folder)  # what an earlier batch of this run may have left
        run.bucket, run.folder = destination(services, exporter, app, run)
        lease = services.now() + LEASE
        _move(services, run, bucket=run.bucket, folder=run.folder, files_done=0, lease_expires_at=lease)
        take_back(services, run.bucket, run.folder)
    assert run.bucket is not None
    store, folder = store_of(services, run.bucket), run.folder
    for part in parts[done:]:
        assert part.key is not None
        assert part.filename is not None
        store.put(f"{folder}/{checked(part.filename)}", _held(services, run, services.storage.stream(part.key)))
        done += 1
        lease = services.now() + LEASE
        _move(services, run, job_id=job.id, files_done=done, files=len(parts), lease_expires_at=lease)
    told = {
        **manifest,
        "exporter": exporter.identifier,
        "scheduled_for": iso_time.rfc3339(run.scheduled_for),
        "since": run.since and iso_time.rfc3339(run.since),
    }
    _move(services, run, lease_expires_at=services.now() + LEASE)
    store.put_bytes(f"{folder}/{MANIFEST}", json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode())
    now = services.now()
    with services.db.write() as session:
        finished = move_run(session, run, state=RunState.DONE, job_id=job.id, rows=manifest["rows"], files=len(parts),
                            files_done=done, error=None, finished_at=now, lease_expires_at=None)  # fmt: skip
        if finished:
            session.get_one(DataExporter, exporter.id).last_run_at = now
            session.flush()
    metrics.export_runs.add("done")
    log.info("export_run_done", run=run.id, job=job.id, files=done)


def _held(services: Services, run: DataExporterRun, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same chunks, while the run is this worker's. Raises RunLost: then nothing of the file is stored."""
    renewed = time.monotonic()
    for chunk in chunks:
        if time.monotonic() - renewed > RENEW_AFTER:
            _move(services, run, lease_expires_at=services.now() + LEASE)
            renewed = time.monotonic()
        yield chunk


def _move(services: Services, run: DataExporterRun, **values: Any) -> None:
    with services.db.write() as session:
        if not move_run(session, run, **values):
            raise RunLost


def _fail(services: Services, run: DataExporterRun, reason: str) -> None:
    """Show why, and try again with a new batch: after 10 s, 20 s … an hour, for as long as it takes."""
    pause = min(timedelta(seconds=10) * int(2 ** min(run.failures, 10)), LONGEST_PAUSE)
    with services.db.write() as session:
        move_run(session, run, state=RunState.FAILED, failures=run.failures + 1, error=reason[:MAX_ERROR], job_id=None,
                 files_done=0, next_at=services.now() + pause, lease_expires_at=None)  # fmt: skip
    metrics.export_runs.add("failed")
    log.warning("export_run_failed", run=run.id, failures=run.failures + 1)
