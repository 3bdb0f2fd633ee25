"""Attempts: a row is claimed, its type's step is called under a lease, and what came of it is written."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import structlog

from app.db import Session
from app.db.work import Leased, change, claim, overdue
from app.services import Services
from app.telemetry.log_lines import on_behalf_of
from app.work.ending import end, released, row_id, take_over, unwritten
from app.work.errors import AttemptLost
from app.work.lease import Lease, furthest, lease_of
from app.work.work_type import WorkType

R = TypeVar("R", bound=Leased)

Step = Callable[["Attempt[Any]"], timedelta | None]

log = structlog.get_logger()


class Attempt(Lease[R]):
    """What a step works with: the row, its lease, and the ways to write to it that the attempt's number guards."""

    def __init__(self, services: Services, work: WorkType[R], row: R) -> None:
        super().__init__(services, work, [row])
        self.row = row

    def write(self, session: Session, **values: Any) -> None:
        """Change the row in the caller's transaction, before anything else in it. Raises AttemptLost."""
        if not change(session, self.work.leasing, self.row, **values):
            raise AttemptLost

    def progress(self, session: Session, **values: Any) -> None:
        """The same for what shows that the work moves: failures so far no longer count."""
        self.write(session, failures=0, outage_since=None, **values)

    def complete(self, session: Session, **values: Any) -> None:
        """End the work well in the caller's transaction. Raises AttemptLost."""
        self.write(session, lease_expires_at=None, holder=None, **values)


def claim_next(services: Services, work: WorkType[R], key: object = None) -> R | None:
    """Begin an attempt at the row with this key, else at the next one that is free and due; None when there is none."""
    with services.db.write() as session:
        return claim(session, work.leasing, services.now(), lease_of(services), services.new_holder(), key)


def run_next(services: Services, work: WorkType[R], key: object = None, step: Step | None = None) -> bool:
    """Claim a row and make one attempt at it; False when there is none to claim. Safe to call at any time and twice at once.

    A row that is not complete afterwards is free again, and a task message for it is sent if it need not wait.
    """
    unwritten.write()
    row = claim_next(services, work, key)
    if row is None and key is not None and _free_if_overdue(services, work, key):
        row = claim_next(services, work, key)
    if row is None:
        return False
    with on_behalf_of(getattr(row, "request_id", None)):
        attempt(services, work, row, step)
    return True


def _free_if_overdue(services: Services, work: WorkType[R], key: object) -> bool:
    """Take over a row whose worker died, where no sweep may run: a command works at it without a service."""
    now = services.now()
    with services.db.read() as session:
        silent = overdue(session, work.leasing, now, furthest(services, now), 1, key)
    return any(take_over(services, work, row) for row in silent)


def attempt(services: Services, work: WorkType[R], row: R, step: Step | None = None) -> None:
    """Make the attempt that was claimed, whatever comes of it; by the type's own step unless another is given."""
    step = step or work.step
    assert step is not None
    made = Attempt(services, work, row)
    try:
        with made, made.limited(row):
            pause = step(made)
        if pause is not None:
            release(services, work, row, pause)
    except AttemptLost:
        work.lost(services, row)
        log.info("attempt_lost", work=work.name, row=row_id(row), attempt=row.attempt)
    except Exception as error:
        end(services, work, row, error)


def release(services: Services, work: WorkType[R], row: R, pause: timedelta) -> None:
    """Let another worker go on with the row, after a pause."""
    due = services.now() + pause
    with services.db.write() as session:
        is_own = change(session, work.leasing, row, **released(work, due))
    if not is_own:
        raise AttemptLost
    if not pause and work.message is not None:
        services.broker.enqueue(*work.message(row))


def run_all(services: Services, work: WorkType[Any], until: Callable[[], bool] = lambda: False) -> int:
    """Attempts until nothing is due any more, or until the worker stops; returns how many."""
    made = 0
    while not until() and run_next(services, work):
        made += 1
    return made
