"""Attempts at leased rows: claimed, kept by a lease that one thread per process renews, completed or released."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Generic, Self, TypeVar

import structlog

from app.db import Database, Session
from app.db.work import Leased, change, claim, overdue, renew
from app.errors import TransientError
from app.services import Services
from app.telemetry.log_lines import on_behalf_of
from app.work.ending import end, released, row_id, take_over, unwritten
from app.work.errors import AttemptLost, HandedBack
from app.work.limits import Limit, limited, uncut
from app.work.watcher import Ticking, watcher
from app.work.work_type import WorkType, furthest, lease_of

IDLE = 0.5  # seconds between looks while nothing is at work; begun work need not wake the thread then

R = TypeVar("R", bound=Leased)
Step = Callable[["Attempt[Any]"], timedelta | None]

log = structlog.get_logger()


class LeaseRenewer:
    """Calls `tick` of everything that it watches, each after its own pause."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[Ticking, float] = {}  # monotonic seconds of the next call
        self._wakes_at = 0.0  # monotonic seconds
        self._thread: threading.Thread | None = None

    def watch(self, work: Ticking) -> None:
        """Begin to call `tick`, the first time after one pause."""
        due = time.monotonic() + work.pause
        with self._changed:
            self._due[work] = due
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="lease-renewer", daemon=True)
                self._thread.start()
            elif due < self._wakes_at:
                self._changed.notify()

    def release(self, work: Ticking) -> None:
        """Call it no more; a call that is under way goes on."""
        with self._changed:
            self._due.pop(work, None)

    def hurry(self, work: Ticking) -> None:
        """Call `tick` at once, if it is watched."""
        with self._changed:
            if work in self._due:
                self._due[work] = 0
                self._wakes_at = 0
                self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                now = time.monotonic()
                due = [work for work, due_at in self._due.items() if due_at <= now]
                for work in due:
                    self._due[work] = now + work.pause
                if not due:
                    self._wakes_at = min(self._due.values(), default=now + IDLE)
                    self._changed.wait(self._wakes_at - now)
            for work in due:
                work.tick()


renewer = LeaseRenewer()
"""The one of this process."""


# What goes on between the database and a process is never cut in two: neither a commit, nor what a pool does with a
# connection. The rest of a step may end anywhere.
uncut(
    Database.read, Database.write, Database.snapshot, Database.driver, Database.driver_write, Database.driver_snapshot
)


class Lease(Generic[R]):
    """The lease of some rows of one type. Inside of its `with` block the process's renewer keeps it."""

    def __init__(self, services: Services, work: WorkType[R], rows: list[R]) -> None:
        self.services = services
        self.work = work
        self.rows = rows
        self.pause = lease_of(services).total_seconds() / 3
        self._lost = threading.Event()
        self._renewing = threading.Lock()
        self._is_over = False
        self._bound: tuple[R, Limit] | None = None

    def __enter__(self) -> Self:
        renewer.watch(self)
        return self

    def __exit__(self, *_: object) -> None:
        renewer.release(self)
        with self._renewing:  # nothing of it writes to the rows after this
            self._is_over = True

    @property
    def is_lost(self) -> bool:
        """True once a renewal has found that no row is this attempt's any more."""
        return self._lost.is_set()

    def limited(self, row: R) -> Limit:
        """Bound a block of the work at a row by its type's budget: `with lease.limited(row):`. Raises OverBudget from it.

        If the block does not end then, for it hangs in C, the row's attempt is ended by the renewer, and the others'.
        """
        limit = limited(self.work.budget(self.services, row), watcher, lambda: renewer.hurry(self))
        self._bound = row, limit
        return limit

    def extend(self, seconds: float) -> None:
        """Enlarge the budget of the block: the input turned out to be larger."""
        if self._bound is not None:
            self._bound[1].extend(seconds)

    def check(self) -> None:
        """Raise AttemptLost once the lease is lost."""
        if self._lost.is_set():
            raise AttemptLost

    def along(self) -> Mapping[str, Any]:
        """Columns that each renewal writes along, such as progress."""
        return {}

    def renewed(self, session: Session) -> None:
        """Write more in the transaction of a renewal."""

    def renew(self) -> bool:
        """Move the end of the lease; False when it is lost. Raises TransientError."""
        now, held = self.services.now(), False
        ends, along = now + lease_of(self.services), self.along()
        with self.services.db.write() as session:
            for row in self.rows:
                held = renew(session, self.work.leasing, row, ends, **along) or held
            if held:
                self.renewed(session)
        return held

    def tick(self) -> None:
        """Renew, for the renewer to call, or end what takes too long."""
        with self._renewing:
            if self._is_over:
                return
            try:
                self._is_over = self._is_ended_as_overdue() or not self.renew()
            except TransientError:
                log.warning("lease_not_renewed", work=self.work.name)
            except Exception:  # the thread must go on: an unrenewed lease costs the attempt, silence hides why
                log.exception("lease_not_renewed", work=self.work.name)
            if self._is_over:
                self._lost.set()

    def _is_ended_as_overdue(self) -> bool:
        """End the attempts if the one under way is over its budget and hangs: its thread cannot."""
        row, limit = self._bound or (None, None)
        reason = limit.overdue() if limit is not None else None
        if reason is None:
            return False
        for held in self.rows:
            end(self.services, self.work, held, reason if held is row else HandedBack())
        return True


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
