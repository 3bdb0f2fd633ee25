"""Removes all that belonged to an app, which nobody has seen since its owner removed it."""

import time
from collections.abc import Callable
from datetime import date, timedelta

import structlog

from app.db.models.app_removal import LEASING, AppRemoval
from app.db.models.known_session import forget_sessions_of
from app.db.models.session_batch import drop_batches, oldest_batches
from app.db.models.session_day import drop_old_session_days
from app.db.queries.app_removal import drop_app, drop_crashes, drop_jobs, drop_symbols_of_app, jobs_left, logs_left
from app.db.queries.removal import remove_logs
from app.db.work import back_off
from app.errors import RemovedMeanwhile
from app.queueing.broker import REMOVE_APP, UPKEEP
from app.services import Services
from app.storage_keys import app_folders, job_folder
from app.work.lease import Attempt, run_next
from app.work.limits import Budget
from app.work.work_type import Message, WorkType

SLICE = 2.0  # seconds after which a worker does other work first
BIT_WITHIN = 900.0  # seconds for an attempt: a slice, and the bit of work that has just begun at its end
ROWS_AT_ONCE, FILES_AT_ONCE = 500, 20
SESSIONS_AT_ONCE = 5_000
IN_FLIGHT = timedelta(hours=1)  # what was being sent when the app was removed may be stored for so long
TRY_AGAIN_IN = timedelta(minutes=1)

Step = Callable[[Services, AppRemoval], int]
"""Removes a bounded bit; returns how much, 0 once nothing is left."""

log = structlog.get_logger()


def remove_app(services: Services, row_id: int) -> None:
    """Work at a removal for a while. Safe to call at any time and twice at once; killed anywhere, the next goes on."""
    run_next(services, WORK, row_id)


def _drop_jobs(services: Services, row: AppRemoval) -> int:
    with services.db.read() as session:
        jobs = jobs_left(session, row.app_id, FILES_AT_ONCE)
    for job_id in jobs:
        services.storage.delete_folder(job_folder(job_id))
    if jobs:
        with services.db.write() as session:
            drop_jobs(session, jobs)
    return len(jobs)


def _drop_logs(services: Services, row: AppRemoval) -> int:
    """Also those that wait: a digest under way finds its log gone and leaves no trace."""
    with services.db.write() as session:
        logs = logs_left(session, row.app_id, ROWS_AT_ONCE)
        return remove_logs(session, logs, services.now()).logs if logs else 0


def _drop_crashes(services: Services, row: AppRemoval) -> int:
    with services.db.write() as session:
        return drop_crashes(session, row.app_id, ROWS_AT_ONCE)


def _drop_symbols(services: Services, row: AppRemoval) -> int:
    with services.db.write() as session:
        return drop_symbols_of_app(session, row.app_id, services.now(), FILES_AT_ONCE)


def _drop_sessions(services: Services, row: AppRemoval) -> int:
    """Also what no fold has counted."""
    with services.db.write() as session:
        batches = oldest_batches(session, row.app_id, ROWS_AT_ONCE)
        drop_batches(session, batches)
        days = drop_old_session_days(session, row.app_id, date.max, ROWS_AT_ONCE)
        return len(batches) + days + forget_sessions_of(session, row.app_id, SESSIONS_AT_ONCE)


STEPS: tuple[Step, ...] = (_drop_jobs, _drop_logs, _drop_crashes, _drop_symbols, _drop_sessions)
"""In this order: jobs name crashes, and digests make crashes of logs."""


def _work(attempt: Attempt[AppRemoval]) -> timedelta | None:
    """Bit after bit until the time is up; returns how long to wait before more of it, None once nothing is left."""
    services, row, begun = attempt.services, attempt.row, time.monotonic()
    while time.monotonic() - begun < SLICE:
        try:
            if not any(step(services, row) for step in STEPS):
                return _finish(attempt)
        except RemovedMeanwhile:  # a request that was under way added to it
            return TRY_AGAIN_IN
    return timedelta()


def _finish(attempt: Attempt[AppRemoval]) -> timedelta | None:
    services, row = attempt.services, attempt.row
    left = row.created_at + IN_FLIGHT - services.now()
    if timedelta() < left <= IN_FLIGHT:
        return left
    for folder in app_folders(row.identifier):
        services.storage.delete_folder(folder)
    with services.db.write() as session:
        attempt.complete(session, finished_at=services.now())
        drop_app(session, row.app_id)
    log.info("app_removed", app=row.identifier)
    return None


WORK = WorkType(
    name="app_removal",
    noun="removal of an app",
    leasing=LEASING,
    message=lambda row: Message(REMOVE_APP, str(row.id), UPKEEP),
    step=_work,
    budget=lambda _services, _row: Budget(seconds=BIT_WITHIN),
    max_failures=lambda _: None,  # tried for as long as it takes
    permanent=(),
    pause=lambda row: back_off(row.failures + 1),
)
