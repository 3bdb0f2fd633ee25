"""How attempts end that did not succeed: counted, put off or given up, in one place for every type of work."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar

import structlog

from app.db.work import Leased, change, current, held_by, set_columns
from app.errors import AppError, TransientError, as_outage
from app.services import Services, holders_of
from app.telemetry import metrics
from app.work.errors import (
    AttemptBroke,
    AttemptsUsedUp,
    DatabaseRestarted,
    Ending,
    HandedBack,
    OutageLasted,
    TookTooLong,
    WorkerDied,
    sort,
)
from app.work.limits import OverBudget
from app.work.work_type import WorkType, furthest, lease_of

MOST_UNWRITTEN = 10_000  # endings that a process remembers while the database is away

R = TypeVar("R", bound=Leased)

log = structlog.get_logger()


def row_id(row: Any) -> str:
    """What a log line names a row by."""
    number = f"/{row.number}" if hasattr(row, "number") else ""
    return f"{getattr(row, 'id', None) or row.job_id}{number}"


def as_app_error(work: WorkType[Any], row: Leased, error: BaseException) -> AppError:
    """The error itself, the error of work over its budget, the outage that it means, or a bug, whose trace is logged here."""
    if isinstance(error, OverBudget):
        if work.over_budget is not None:
            return work.over_budget(row, error)
        return TookTooLong(f"The {work.noun} took longer than {error.seconds:.0f} seconds")
    if isinstance(error, AppError):
        return error
    if outage := as_outage(error):
        return outage
    log.error(
        "attempt_broke",
        work=work.name,
        row=row_id(row),
        attempt=row.attempt,
        error=type(error).__name__,
        exc_info=error,
    )
    return AttemptBroke()


def end(services: Services, work: WorkType[R], row: R, error: BaseException, *, is_overdue: bool = False,
        **values: Any) -> bool:  # fmt: skip
    """End an attempt with an error: let another one follow, or give the work up; False when the row has moved on.

    Failures are counted here and nowhere else; an outage ends the work only when it has lasted for the type's patience; work
    that was handed back goes on at once and counts as nothing. With `is_overdue` only if the lease had run out as well.
    What cannot be written because the database is away is written when it is back, see `Unwritten`.
    """
    app_error = as_app_error(work, row, error)
    try:
        return _end(services, work, row, app_error, is_overdue=is_overdue, **values)
    except TransientError:
        if is_overdue:
            raise  # the next sweep sees it again
        unwritten.add(lambda: _end(services, work, row, app_error, **values))
        log.warning("ending_put_off", work=work.name, row=row_id(row), attempt=row.attempt, code=app_error.code)
        return False


def _end(services: Services, work: WorkType[R], row: R, error: AppError, *, is_overdue: bool = False,
         **values: Any) -> bool:  # fmt: skip
    now, ending = services.now(), _ending(work, error)
    overdue_at = (now, furthest(services, now)) if is_overdue else None
    with services.db.write() as session:
        if row.failures or row.outage_since:  # progress may have reset them in a commit that was not confirmed
            row = current(session, work.leasing, row) or row
        failures = row.failures + (ending is Ending.FAILURE)
        outage_since = (row.outage_since or now) if ending is Ending.OUTAGE else row.outage_since
        reason = _final_reason(services, work, row, error, failures, outage_since, now)
        if reason is not None and work.give_up is not None:
            set_to = {"lease_expires_at": None, "holder": None}
        else:
            at_once = ending is Ending.HANDED_BACK or isinstance(error, WorkerDied)
            due = now if at_once else now + work.pause(row)
            set_to = {**released(work, due), **work.again(row, error)}
        moved = change(session, work.leasing, row, overdue_at=overdue_at, failures=failures, outage_since=outage_since,
                       **{**set_to, **values})  # fmt: skip
        if moved and reason is not None and work.give_up is not None:
            given_up = work.give_up(services, session, row, reason, now)
            set_columns(session, work.leasing, row, **given_up)
    if not moved:
        work.lost(services, row)
        log.warning("attempt_lost", work=work.name, row=row_id(row), attempt=row.attempt, code=error.code)
        return False
    if isinstance(error, WorkerDied):
        metrics.leases_lost.add(work.name)
    work.ended(services, row, reason or error, reason is not None)
    event = "work_given_up" if reason else "work_put_off"
    log.warning(event, work=work.name, row=row_id(row), attempt=row.attempt, code=(reason or error).code)
    return True


def _final_reason(
    services: Services,
    work: WorkType[R],
    row: R,
    error: AppError,
    failures: int,
    outage_since: datetime | None,
    now: datetime,
) -> AppError | None:
    """Why no further attempt follows; None when one does."""
    ending = _ending(work, error)
    if ending is Ending.FAILURE:
        most = work.max_failures(services.config)
        if most is None or failures < most:
            return None
        return AttemptsUsedUp(f"The {work.noun} failed after {row.attempt} attempts, the last with: {error.message}")
    if ending is Ending.OUTAGE:
        patience = work.patience(services.config)
        if patience is None or outage_since is None or now - outage_since <= patience:
            return None
        return OutageLasted(
            f"The {work.noun} waited for more than {patience.total_seconds():.0f} seconds, and at last: {error.message}"
        )
    return error if ending is Ending.PERMANENT else None


def _ending(work: WorkType[R], error: AppError) -> Ending:
    """What follows from an error: work that is never given up goes on after every one, ever more slowly."""
    ending = sort(error, work.permanent)
    return Ending.FAILURE if ending is Ending.PERMANENT and work.give_up is None else ending


def released(work: WorkType[Any], due: datetime) -> dict[str, Any]:
    """The columns of a row whose attempt ends and whose next one may begin at `due`."""
    free = {"lease_expires_at": None, "holder": None, "enqueued": 0, "not_before": due, "enqueue_after": due}
    return {**free, **work.leasing.freed}


def take_over(services: Services, work: WorkType[R], row: R) -> bool:
    """End an attempt whose lease has run out; False when its worker has renewed it since, or ended it itself.

    It counts as a failure unless the database was away when the lease was last to be renewed, or a clock was set back.
    """
    assert row.lease_expires_at is not None
    error: AppError = WorkerDied()
    started_at = services.db.started_at()
    if row.lease_expires_at > furthest(services, services.now()):
        error = HandedBack("Its lease was written before a clock was set back")
    elif started_at is not None and row.lease_expires_at - lease_of(services) <= started_at <= services.now():
        error = DatabaseRestarted()
    return end(services, work, row, error, is_overdue=True)


def hand_back(services: Services, work: WorkType[R]) -> None:
    """End the attempts that this worker's processes are at, without counting them: it is about to stop."""
    _end_held(services, work, holders_of(services.worker), HandedBack())


def take_from_dead(services: Services, types: Iterable[WorkType[Any]], holders: str) -> None:
    """End the attempts of a worker or a process that is known to be dead, each with a failure, before their leases run out.

    `holders` is what the names of its claims begin with (`holders_of`).
    """
    for work in types:
        _end_held(services, work, holders, WorkerDied())


def _end_held(services: Services, work: WorkType[R], holders: str, error: AppError) -> None:
    with services.db.read() as session:
        held = held_by(session, work.leasing, holders)
    for row in held:
        if end(services, work, row, error) and work.message is not None:
            services.broker.enqueue(*work.message(row))


class Unwritten:
    """Endings that could not be written because the database was away. The process writes them when it is back."""

    def __init__(self) -> None:
        self._endings: deque[Callable[[], object]] = deque(maxlen=MOST_UNWRITTEN)
        self._lock = threading.Lock()
        self.pause = 1.0  # seconds between tries by the lease renewer

    def add(self, write: Callable[[], object]) -> None:
        """Remember one."""
        self._endings.append(write)

    def write(self) -> None:
        """Write what is remembered, the oldest first. Raises TransientError while the database is away."""
        with self._lock:
            while self._endings:
                ending = self._endings.popleft()
                try:
                    ending()
                except TransientError:
                    self._endings.appendleft(ending)
                    raise

    def forget(self) -> None:
        """Drop what is remembered, as the death of the process would."""
        self._endings.clear()

    def tick(self) -> None:
        """For the lease renewer, in worker processes."""
        try:
            self.write()
        except TransientError:
            return
        except Exception:  # that one is dropped: its lease runs out, and the sweep ends it
            log.exception("ending_not_written")


unwritten = Unwritten()
"""Those of this process."""
