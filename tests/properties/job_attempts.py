"""The worker's side of the job machine: attempts that do what a plan says, and how they end in the model."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from app.db.models.crash import Crash
from app.db.models.job import Job as Row
from app.db.models.job import JobState
from app.errors import MalformedLog, TransientError
from app.jobs import running
from app.jobs.attempt import AttemptLost, JobAttempt
from app.jobs.job_type import Artefact, Run
from app.queueing.broker import MemoryBroker
from app.services import Services
from app.work.ending import unwritten
from tests.factories import Clock
from tests.properties.faulty import FaultyDatabase
from tests.properties.job_model import Job, Model

WORKERS = ("worker-1", "worker-2")

Step = tuple[Any, ...]  # name of a `do_…` and what it takes


class WorkerDied(BaseException):
    """kill -9: nothing of the worker's runs any more."""


class Plan(NamedTuple):
    """What happens to one attempt."""

    before: tuple[Step, ...] = ()
    during: tuple[Step, ...] | None = ()  # while the result streams into the storage; None: no result is written
    after: tuple[Step, ...] = ()
    ending: str = "publish"  # publish, permanent, transient, bug, death
    fault: str | None = None  # of the transaction that tells the outcome


@dataclass
class Trying:
    """One attempt under way."""

    run: JobAttempt
    job: Job
    number: int
    revision: int
    plan: Plan
    content: bytes = b""
    outcome: str = "lost"
    is_computing: bool = True
    knows_it_is_lost: bool = False
    is_renewing: bool = False


class Attempts:
    """What workers do, beside the model."""

    db: FaultyDatabase
    clock: Clock
    services: Services
    broker: MemoryBroker
    model: Model
    crashes: list[Crash]
    ids: list[str]  # of every job so far
    revisions: dict[int, int]  # number of a crash -> its revision

    def forget_attempts(self) -> None:
        """Begin with none."""
        self.planned: Exception | None = None  # the latest that an attempt was to end with
        self.broken: Exception | None = None  # what failed in the middle of an attempt
        self.tried: list[Trying] = []  # the innermost last
        self.calls: list[tuple[Plan, str, list[Trying]]] = []  # of running.run, the innermost last
        self.uncleared: set[tuple[str, int]] = set()  # attempts whose files nobody could clear at once
        self.orphans: set[tuple[str, int]] = set()  # the same, and no row knows of them any more

    def do(self, step: Step) -> None:
        """Do one step."""
        getattr(self, f"do_{step[0]}")(*step[1:])

    def do_several(self, *steps: Step) -> None:
        for step in steps:
            self.do(step)

    def do_work(self, index: int, worker: int, plan: Plan) -> None:
        """A worker receives a message, or an old one again when the index lies beyond those that wait."""
        messages, known = self.broker.messages, self.ids
        if index < len(messages):
            _, row_id = messages.pop(index)
        elif known:
            row_id = known[index % len(known)]
        else:
            return
        tried: list[Trying] = []
        self.calls.append((plan, WORKERS[worker], tried))
        try:
            running.run(replace(self.services, worker=WORKERS[worker]), row_id)
        except WorkerDied:
            assert plan.ending == "death"
        except TransientError:
            assert plan.fault
        self.calls.pop()
        self.db.fault = None
        unwritten.forget()  # the worker dies before the database is back
        if self.broken:
            raise self.broken
        for trying in tried:
            self.tried.remove(trying)
            self._finish(trying)

    def do_renew(self) -> None:
        """The lease of the innermost attempt is renewed once."""
        if not self.tried or not self.tried[-1].is_computing:
            return
        trying = self.tried[-1]
        if trying.is_renewing:  # one thread renews a lease, so nothing renews it in the midst of that
            return
        trying.is_renewing = True
        try:
            trying.run.tick()
        finally:
            trying.is_renewing = False
        if self.model.holds(trying.job, trying.number):
            self.model.renewed(trying.job)
        else:
            trying.knows_it_is_lost = True

    def do_preview(self) -> None:
        if self.tried and self.tried[-1].is_computing:
            trying, lost = self.tried[-1], False
            try:
                trying.run.preview(b"[0]")
            except AttemptLost:
                lost = True
                raise
            finally:
                assert lost is not self.model.holds(trying.job, trying.number)

    def do_advance(self) -> None:
        if self.tried and self.tried[-1].is_computing:
            trying, stopped = self.tried[-1], False
            try:
                trying.run.advance(1)
            except AttemptLost:
                stopped = True
                raise
            finally:
                assert stopped is trying.knows_it_is_lost

    def compute(self, run: Run) -> Artefact:
        """One attempt's work; what the product would take for a bug of the kind is kept, to be raised again outside."""
        try:
            return self._attempt(run)
        except Exception as error:
            if not isinstance(error, AttemptLost) and error is not self.planned:
                self.broken = self.broken or error
            raise

    def _attempt(self, run: Run) -> Artefact:
        assert isinstance(run, JobAttempt)
        plan, worker, tried = self.calls[-1]
        with self.db.read() as session:
            row = session.get_one(Row, run._job.id)
        question = (next(n for n, crash in enumerate(self.crashes) if crash.id == row.crash_id), _about(row))
        job = self.model.claimed(question, worker)
        assert (row.id, row.attempt, row.state) == (job.id, job.attempt, JobState.RUNNING)
        trying = Trying(run, job, job.attempt, self.revisions[question[0]], plan)
        tried.append(trying)
        self.tried.append(trying)
        run.shows(trying.revision)
        try:
            return self._act(trying)
        finally:
            trying.is_computing = False
            self.db.fault = plan.fault

    def _act(self, trying: Trying) -> Artefact:
        plan = trying.plan
        for step in plan.before:
            self.do(step)
        artefact = None
        if plan.during is not None or plan.ending == "publish":
            artefact = trying.run.store("result.json", self._chunks(trying), "result.json", "application/json")
        for step in plan.after:
            self.do(step)
        trying.outcome = plan.ending
        match plan.ending:
            case "permanent":
                self.planned = MalformedLog()
                raise self.planned
            case "transient":
                self.planned = TransientError()
                raise self.planned
            case "bug":
                self.planned = ZeroDivisionError()
                raise self.planned
            case "death":
                raise WorkerDied
        assert artefact
        return artefact

    def _chunks(self, trying: Trying) -> Iterator[bytes]:
        trying.content = f'["{trying.job.id} {trying.number} {self.clock.now}"]'.encode()
        yield trying.content[:10]
        for step in trying.plan.during or ():
            self.do(step)
        yield trying.content[10:]

    def _finish(self, trying: Trying) -> None:
        """Tell the model how an attempt ended, now that it has."""
        job, holds = trying.job, self.model.holds(trying.job, trying.number)
        outcome = self._outcome_by_row(trying) if holds and trying.plan.fault else trying.outcome
        if holds:
            match outcome:
                case "publish":
                    self.model.published(job, trying.content, trying.revision)
                case "permanent":
                    self.model.failed(job, 422)
                case "transient":
                    self.model.met_outage(job)
                case "bug":
                    self.model.met_failure(job)
        was_told = trying.plan.fault is None or outcome in ("publish", "lost", "still running")
        if not was_told or (outcome == "death" and not holds):
            is_known = any(known is job for known in self.model.jobs)
            (self.uncleared if is_known else self.orphans).add((job.id, trying.number))

    def _outcome_by_row(self, trying: Trying) -> str:
        """How an attempt ended whose last transaction met a fault: as planned, in an outage, or not at all."""
        with self.db.read() as session:
            row = session.get_one(Row, trying.job.id)
        if row.state == JobState.RUNNING:
            return "still running"
        if row.state == JobState.FINISHED:
            assert trying.outcome == "publish"
        return "transient" if trying.outcome == "publish" and row.state != JobState.FINISHED else trying.outcome


def _about(row: Row) -> str:
    about = json.loads(row.params)["about"]
    assert isinstance(about, str)
    return about
