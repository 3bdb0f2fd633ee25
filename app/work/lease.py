"""Leases, renewed by one thread per process for as long as any work runs there. To start a thread per attempt costs more."""

import threading
import time
from collections.abc import Mapping
from typing import Any, Generic, Self, TypeVar

import structlog

from app.db import Database, Session
from app.db.work import Leased, renew
from app.errors import TransientError
from app.services import Services
from app.work.ending import end
from app.work.errors import AttemptLost, HandedBack
from app.work.lease_length import furthest as furthest
from app.work.lease_length import lease_of as lease_of
from app.work.limits import Limit, limited, uncut
from app.work.watcher import Ticking, watcher
from app.work.work_type import WorkType

IDLE = 0.5  # seconds between looks while nothing is at work; begun work need not wake the thread then

R = TypeVar("R", bound=Leased)

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
