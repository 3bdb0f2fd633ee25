"""Completes the figures of crashes: what a release without figures has digested, or an operator wants counted anew."""

import time
from datetime import timedelta

import structlog

from app.db.models.figure_recount import LEASING, FigureRecount, begin_recount
from app.db.queries.figures import (
    Missing,
    apps_with_missing,
    correct_figures,
    declare_complete,
    differences,
    distrust_figures,
    missing_of,
    next_missing,
)
from app.db.queries.statistics import open_statistics
from app.queueing.broker import LONG, RENEW_FIGURES
from app.services import Services
from app.work.lease import Attempt, run_next
from app.work.limits import Budget
from app.work.work_type import Message, WorkType

APPS_AT_ONCE = 100
GO_ON_FOR = 2.0  # seconds after which no further crash is begun: other work waits for the worker too
COUNTED_WITHIN = 3_600.0  # seconds of an attempt: the largest crash is counted in one

log = structlog.get_logger()


def renew_figures(services: Services, row_id: int | None = None) -> None:
    """Begin a recount for each app that needs one, or go on with that of a task message. Safe at any time and twice at once."""
    if row_id is not None:
        run_next(services, WORK, row_id)
        return
    with services.db.read() as session:
        apps = apps_with_missing(session, APPS_AT_ONCE)
    for app_id in apps:
        begin_recount_of(services, app_id)


def distrust(services: Services, app_id: int) -> int:
    """Let the figures of an app's crashes not answer until they are counted anew; returns of how many crashes."""
    with services.db.write() as session:
        return distrust_figures(session, app_id)


def begin_recount_of(services: Services, app_id: int) -> int:
    """Begin the recount of an app, or join the one under way; returns the row id of the work."""
    with services.db.write() as session:
        row = begin_recount(session, app_id, services.now())
    services.broker.enqueue(RENEW_FIGURES, str(row.id), LONG)
    return row.id


def count_missing(services: Services, app_id: int) -> int:
    """How many crashes of an app have figures that are not complete."""
    with services.db.read() as session:
        return missing_of(session, app_id)


def recount(services: Services, app_id: int) -> bool:
    """Begin the recount of an app or go on with it, for some seconds; False when another is at it."""
    return run_next(services, WORK, begin_recount_of(services, app_id))


def _work(attempt: Attempt[FigureRecount]) -> timedelta | None:
    """Crash after crash until the time is up; returns how long to wait before more of it, None once all are counted."""
    services, row, begun = attempt.services, attempt.row, time.monotonic()
    position, crashes = row.position, row.crashes
    while True:
        with services.db.read() as session:
            missing = next_missing(session, row.app_id, position)
        if missing is None:
            break
        crashes += _recount(attempt, missing, position)
        position = missing.crash_id
        with services.db.write() as session:
            attempt.progress(session, position=position, crashes=crashes)
        if time.monotonic() - begun >= GO_ON_FOR:
            return timedelta()
    with services.db.write() as session:
        attempt.complete(session, finished_at=services.now())
    log.info("figures_recounted", recount=row.id, crashes=crashes)
    return None


def _recount(attempt: Attempt[FigureRecount], missing: Missing, position: int) -> bool:
    """Complete the figures of one crash, beside its digests; False when it needs another recount."""
    db = attempt.services.db
    with open_statistics(db) as snapshot:
        for rows in differences(snapshot, missing.crash_id):
            with db.write() as session:
                attempt.write(session, position=position)  # no other attempt adds the same
                if not correct_figures(session, missing, rows):
                    return False
    with db.write() as session:
        attempt.write(session, position=position)
        return declare_complete(session, missing)


WORK = WorkType(
    name="figures",
    noun="recount of figures",
    leasing=LEASING,
    message=lambda row: Message(RENEW_FIGURES, str(row.id), LONG),
    step=_work,
    budget=lambda _services, _row: Budget(seconds=COUNTED_WITHIN),
    max_failures=lambda _config: None,
    permanent=(),
)
"""Never given up: without figures statistics count occurrences."""
