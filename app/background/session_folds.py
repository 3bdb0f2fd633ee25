"""Adds what has arrived of apps' sessions to their figures. The sweep finds the apps: no request sends a task message."""

import time
from datetime import UTC, timedelta

from app.db.models.session_batch import drop_batches, oldest_batches, updates_of
from app.db.models.session_day import count_sessions
from app.db.models.session_fold import LEASING, SessionFold
from app.queueing.broker import FOLD_SESSIONS, UPKEEP
from app.services import Services
from app.work.lease import Attempt, run_next
from app.work.work_type import Message, WorkType

AT_ONCE = 200  # batches of one transaction
GO_ON_FOR = 2.0  # seconds after which other work comes first
EVERY = timedelta(seconds=5)  # between folds of an app, so that many requests share the writing of its rows


def fold_sessions(services: Services, app_id: int) -> bool:
    """Count what waits of an app; False when there is nothing, or another worker is at it. Safe to call twice."""
    return run_next(services, WORK, app_id)


def _fold(attempt: Attempt[SessionFold]) -> timedelta | None:
    """Count batches and delete them, in transactions that the attempt fences: none is counted twice."""
    services, app_id, begun = attempt.services, attempt.row.app_id, time.monotonic()
    while True:
        now = services.now()
        with services.db.write() as session:
            attempt.progress(session)
            batches = oldest_batches(session, app_id, AT_ONCE)
            if not batches:
                attempt.complete(session, enqueue_after=now + EVERY)
                return None
            count_sessions(session, app_id, updates_of(batches), now.astimezone(UTC).date())
            drop_batches(session, batches)
        if time.monotonic() - begun >= GO_ON_FOR:
            return timedelta()


WORK = WorkType(
    name="session_folds",
    noun="fold of sessions",
    leasing=LEASING,
    message=lambda row: Message(FOLD_SESSIONS, str(row.app_id), UPKEEP),
    step=_fold,
    max_failures=lambda _config: None,
    permanent=(),
)
"""Never given up: what has arrived was answered for."""
