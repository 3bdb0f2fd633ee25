"""The workers' side of the machine of leased work: attempts that do what a plan says, and how they end in the model."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import select

from app.errors import BadParameters, MalformedLog, TransientError
from app.services import Services
from app.work.ending import unwritten
from app.work.errors import AttemptLost, HandedBack
from app.work.lease import Attempt, attempt, run_next
from app.work.work_type import WorkType
from tests.properties.faulty import COMMIT_FAILS, COMMIT_UNCONFIRMED, FaultyDatabase
from tests.properties.work_model import (
    APP_ERROR,
    BUG,
    COMPLETE,
    DEATH,
    HANDED_BACK,
    LOST,
    MALFORMED,
    OUTAGE,
    PAUSE,
    WORKING,
    Model,
    Row,
)
from tests.properties.work_types import Tested, forget_claim

PROCESSES = ("worker-1", "worker-2", "sweeper")
SWEEPER = 2
AWAY = "away"
"""A fault: no transaction succeeds until the attempt is over."""

ERRORS: dict[str, type[Exception]] = {
    BUG: ZeroDivisionError,
    APP_ERROR: BadParameters,
    MALFORMED: MalformedLog,
    OUTAGE: TransientError,
    HANDED_BACK: HandedBack,
}
"""Ending -> what the step raises for it."""

Step = tuple[Any, ...]  # name of a `do_…` and what it takes


class Killed(BaseException):
    """kill -9: nothing of the worker's runs any more."""


class Plan(NamedTuple):
    """What happens to one attempt."""

    steps: tuple[Step, ...] = ()
    ending: str = COMPLETE
    fault: str | None = None  # of the first transaction that tells the ending
    claim_fault: str | None = None
    pause: int = 0  # seconds, with the ending PAUSE


@dataclass
class Trying:
    """One attempt under way."""

    attempt: Attempt[Any]
    row: Row
    claim: int


class Attempts:
    """What workers do, beside the model."""

    db: FaultyDatabase
    services: Services
    work: WorkType[Any]
    tested: Tested
    table: type[Any]
    key_columns: tuple[Any, ...]
    model: Model

    def forget_attempts(self) -> None:
        """For the next example."""
        self.memories: list[Any] = [type(unwritten._endings)() for _ in PROCESSES]
        self.under_way: list[Trying] = []  # the innermost last
        self.broken: Exception | None = None  # what failed in the middle of an attempt

    def do(self, step: Step) -> None:
        """Do one step."""
        getattr(self, f"do_{step[0]}")(*step[1:])

    def do_work(self, worker: int, index: int | None, is_own: bool, plan: Plan) -> None:
        """One attempt: at the row of a message, else at whatever is next, by the one claim or by the type's own."""
        rows, known = self.model.rows, len(self.under_way)
        wanted = rows[index % len(rows)] if index is not None and rows else None
        is_claimed = True
        with self.as_process(worker) as services:
            if plan.claim_fault:  # it is the claim's, not that of what was not written before
                unwritten.write()
            self.model.written(worker)
            self.db.fault = plan.claim_fault
            try:
                is_claimed = self._run(services, wanted, is_own, plan)
            except Killed:
                unwritten.forget()
                self.model.unwritten.pop(worker, None)
            except TransientError:
                assert plan.claim_fault
                self._find_claimed(worker)
            finally:
                self.db.fault, self.db.is_away = None, False
                del self.under_way[known:]
        if self.broken:
            raise self.broken
        if not is_claimed:
            assert not [row for row in rows if self.model.is_due(row) and wanted in (None, row)], "due and not claimed"

    def do_renew(self, fault: str | None = None) -> None:
        """The lease renewer comes by the attempt under way."""
        if not self.under_way:
            return
        trying = self.under_way[-1]
        self.db.fault = fault
        trying.attempt.tick()
        self.db.fault = None
        if self.model.holds(trying.row, trying.claim) and fault != COMMIT_FAILS:
            self.model.renewed(trying.row)

    def do_progress(self, fault: str | None = None) -> None:
        """The attempt under way notes how far it is. Raises AttemptLost and TransientError, which end it."""
        if not self.under_way:
            return
        trying = self.under_way[-1]
        is_held = self.model.holds(trying.row, trying.claim)
        if is_held and fault != COMMIT_FAILS:
            self.model.moved_on(trying.row)
        self.db.fault = fault
        try:
            with self.db.write() as session:
                trying.attempt.progress(session)
        except AttemptLost:
            assert not is_held
            raise
        finally:
            self.db.fault = None
        assert is_held, "a lost attempt makes progress"

    def do_lose_claim(self) -> None:
        """PostgreSQL crashes before its disk has the claim of the attempt under way, which goes on."""
        if not self.under_way:
            return
        trying = self.under_way[-1]
        if self.model.holds(trying.row, trying.claim):
            with self.unhindered() as session:
                forget_claim(session, self.work.leasing, trying.attempt.row, self.clock.now)
        self.model.claim_lost(trying.row, trying.claim)

    @contextmanager
    def as_process(self, number: int) -> Iterator[Services]:
        """Services of one process, which alone remembers what it could not write."""
        before, unwritten._endings = unwritten._endings, self.memories[number]
        try:
            yield replace(self.services, worker=PROCESSES[number])
        finally:
            unwritten._endings = before

    @contextmanager
    def unhindered(self) -> Iterator[Any]:
        """A transaction that meets no fault."""
        with super(FaultyDatabase, self.db).write() as session:
            yield session

    def key(self, row: Any) -> tuple[Any, ...]:
        """The primary key of a row, or of what stands for it in an attempt."""
        return tuple(getattr(row, column.key) for column in self.key_columns)

    def _run(self, services: Services, wanted: Row | None, is_own: bool, plan: Plan) -> bool:
        """False when there is nothing to claim."""

        def step(made: Attempt[Any]) -> timedelta | None:
            self.db.fault = None
            return self._step(made, plan)

        if wanted is None and is_own and self.tested.claim is not None:
            if not plan.claim_fault:
                unwritten.write()
            row = self.tested.claim(services)
            if row is not None:
                attempt(services, self.work, row, step)
            return row is not None
        if wanted is not None and not plan.claim_fault and not self.model.is_due(wanted):
            self.model.swept(wanted)
        return run_next(services, self.work, wanted and wanted.key[0], step)

    def _step(self, made: Attempt[Any], plan: Plan) -> timedelta | None:
        """What happens in the midst of an attempt, then its end: told to the model, then done."""
        process, ending, fault = PROCESSES.index(made.services.worker), plan.ending, plan.fault
        try:
            row = next(row for row in self.model.rows if row.key == self.key(made.row))
            self.model.claimed(row, made.services.worker)
            assert made.row.attempt == row.attempt
            self.under_way.append(Trying(made, row, row.claims))
            claim = row.claims
            for step in plan.steps:
                self.do(step)
        except AttemptLost:
            ending = LOST
        except TransientError:
            ending, fault = OUTAGE, None
        except Exception as error:  # the product would take it for a bug of the step
            self.broken = self.broken or error
            raise
        self.under_way.pop()
        if ending == DEATH:
            raise Killed
        if ending == LOST:
            raise AttemptLost
        pause = timedelta(seconds=plan.pause)
        self._finish(process, row, claim, ending, fault, pause)
        self.db.fault, self.db.is_away = (None, True) if fault == AWAY else (fault, False)
        if ending == COMPLETE:
            self.tested.complete(made)
            return None
        if ending == PAUSE:
            return pause
        raise ERRORS[ending]

    def _finish(self, process: int, row: Row, claim: int, ending: str, fault: str | None, pause: timedelta) -> None:
        """Tell the model how an attempt ends whose next transaction meets a fault."""
        if ending in (COMPLETE, PAUSE):  # if that fails, the outage is what ends the attempt, in another transaction
            if fault == AWAY:
                self.model.put_off(process, row, claim, OUTAGE)
            else:
                self.model.ended(row, claim, OUTAGE if fault == COMMIT_FAILS else ending, pause)
        elif fault in (None, COMMIT_UNCONFIRMED):
            self.model.ended(row, claim, ending)
        else:
            self.model.put_off(process, row, claim, ending)

    def _find_claimed(self, worker: int) -> None:
        """Tell the model of a claim whose commit was not heard of: nobody works at the row."""
        with self.unhindered() as session:
            attempts = {self.key(row): row.attempt for row in session.scalars(select(self.table))}
        for row in self.model.rows:
            if row.state != WORKING and attempts.get(row.key, row.attempt) == row.attempt + 1:
                self.model.claimed(row, PROCESSES[worker])
