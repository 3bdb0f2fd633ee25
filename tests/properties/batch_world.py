"""An app whose crashes are merged, split, grouped anew, aged and erased at any statement of a batch that is being made."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import select

from app.crashes.fingerprint import fingerprint
from app.db.models.crash import Crash, find_crash
from app.db.models.data_exporter import DataExporterRun, RunState
from app.db.models.job import LIVE, Job, JobState
from app.db.models.job_part import parts_of
from app.db.models.occurrence import Occurrence
from app.db.models.regrouping import Regrouping
from app.db.queries.removal import remove_occurrences
from app.errors import Conflict, NotFound
from app.ingest import grouping, regrouping
from app.ingest.receive import receive
from app.ingest.regrouping import begin_regrouping, merge, regroup_app, split
from app.jobs import batch_params, running
from app.jobs.exporter_runs import run_exports
from app.jobs.parts import run_part
from app.jobs.service import ask
from app.privacy.erasing import begin_erasure, run_erasure
from app.services import Services
from app.sweep import sweep
from tests.exporting import delivered, make
from tests.factories import Clock, make_member, run_enqueued
from tests.properties.interrupting import before_statements
from tests.sentry_events import sentry_event

Op = tuple[Any, ...]  # name of a `World.do_…` and what it takes
Told = dict[str, str]  # name of an occurrence -> identifier of its crash

USERS = ("user-ada-4711", "user-bob-0815")
ROUNDS = 40  # of sweep, work and a minute's time, in which everything has to end


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few occurrences in a part, a page, a step, so that much can happen in between."""
    monkeypatch.setattr(batch_params, "ROWS_PER_PART", 3)
    monkeypatch.setattr("app.db.queries.batch_rows.ROWS_PER_PAGE", 2)
    monkeypatch.setattr("app.db.queries.batch_rows.CRASHES_PER_PAGE", 2)
    monkeypatch.setattr("app.db.queries.batch_text.ROWS_PER_TEXT", 2)
    monkeypatch.setattr(regrouping, "OCCURRENCES_PER_STEP", 2)
    monkeypatch.setattr(regrouping, "LOGS_IN_BULK", 2)


@dataclass
class World:
    """What is done, what was to be seen after each step, and what has gone since a batch began."""

    services: Services
    clock: Clock
    number: int  # of the example
    meanwhile: list[Op] = field(default_factory=list)  # to be done at the next statements of a batch, one at each
    seen: list[Told] = field(default_factory=list)
    leads_to: list[str] = field(default_factory=list)  # the crash that the batch's one led to, at the same times
    gone: set[str] = field(default_factory=set)
    about: str = ""  # identifier of the crash that the batch is of
    erased: bool = False  # since the batch began
    uploads: int = 0
    salt: str = ""  # of the rules of grouping
    batches: int = 0  # that came to a result
    broke: Exception | None = None  # raised by something meanwhile: a fault of the test's, not of the job

    def __post_init__(self) -> None:
        """An app with an exporter."""
        self.member = make_member(self.services, f"ada-{self.number}@example.com", f"Notes {self.number}")
        self.exporter = make(self.services, self.member, subfolder=f"of-{self.number}", format="ndjson")
        self.services.broker.messages.clear()

    def do(self, op: Op) -> None:
        """Do it, and note what is to be seen then."""
        before = self.now()
        getattr(self, f"do_{op[0]}")(*op[1:])
        self.services.broker.messages.clear()
        self.note()
        self.gone |= set(before) - set(self.now())

    def note(self) -> None:
        self.seen.append(self.now())
        if self.about:
            with self.services.db.read() as session:
                self.leads_to.append(find_crash(session, self.about).identifier)

    def now(self) -> Told:
        """Every occurrence of the app."""
        with self.services.db.read() as session:
            rows = select(Occurrence, Crash.identifier).join(Crash, Crash.id == Occurrence.crash_id)
            rows = rows.where(Crash.app_id == self.member.app.id)
            return {occurrence.name: crash for occurrence, crash in session.execute(rows)}

    def do_upload(self, letter: str, user: int) -> None:
        log_id = f"log-{self.number}-{self.uploads}"
        self.uploads += 1
        receive(self.services, self.member.app, log_id, sentry_event(USERS[user], name=log_id, fingerprint=[letter]))
        self.digest()

    def digest(self) -> None:
        """Have what was uploaded digested, and nothing else done."""
        messages = self.services.broker.messages
        self.services.broker.messages = [one for one in messages if one[0] == "digest_log"]
        run_enqueued(self.services)

    def do_merge(self, one: int, other: int) -> None:
        crashes = self.crashes()
        if not crashes:
            return
        crash, into = crashes[one % len(crashes)], crashes[other % len(crashes)]
        try:
            merge(self.services, self.member.user_id, crash, into)
        except Conflict:
            return
        self.do_step()

    def do_split(self, one: int, fingerprint_of: int) -> None:
        with self.services.db.read() as session:
            every = list(session.scalars(select(Crash).where(Crash.app_id == self.member.app.id).order_by(Crash.id)))
        crash, group = every[one % len(every)], every[fingerprint_of % len(every)]
        if crash.id == group.id:
            return
        try:
            split(self.services, self.member.user_id, crash, group.fingerprint)
        except NotFound:
            return
        self.do_step()

    def do_anew(self, salt: str) -> None:
        self.salt = salt
        begin_regrouping(self.services, self.member.app.id, anew=True)
        self.do_step()

    def do_step(self) -> None:
        with self.services.db.read() as session:
            live = session.scalar(select(Regrouping.id).where(Regrouping.app_id == self.member.app.id,
                                                              Regrouping.finished_at.is_(None)))  # fmt: skip
        if live is not None:
            regroup_app(self.services, live, 0.0)

    def do_age(self, one: int) -> None:
        with self.services.db.write() as session:
            rows = select(Occurrence.id).join(Crash, Crash.id == Occurrence.crash_id)
            ids = list(session.scalars(rows.where(Crash.app_id == self.member.app.id).order_by(Occurrence.id.desc())))
            if ids:
                remove_occurrences(session, [ids[one % len(ids)]], self.services.now())

    def do_erase(self, user: int) -> None:
        self.erased = True
        run_erasure(self.services, begin_erasure(self.services, self.member.app, USERS[user]).id)

    def do_batch(self, about: int | None, meanwhile: list[Op]) -> None:
        """Make a batch of the app or of a crash, and look what it shows."""
        crashes = self.crashes()
        crash = crashes[about % len(crashes)] if about is not None and crashes else None
        kind, subject = ("crash_batch", crash.identifier) if crash else ("app_batch", self.member.app.identifier)
        job = ask(self.services, self.member.user_id, kind, subject, {})
        if job.state == JobState.QUEUED:
            self.make_batch(job, subject if crash else "", meanwhile)

    def do_export(self, meanwhile: list[Op]) -> None:
        """What beat does: runs are scheduled and take a step each; their batches are made."""
        self.clock.advance(days=1)
        run_exports(self.services)
        for job in self.live_jobs():
            if (
                self.latest(job).state == JobState.QUEUED
            ):  # else it was begun beside the one before, at another snapshot
                self.make_batch(job, "", meanwhile)
        self.clock.advance(seconds=6)
        run_exports(self.services)

    def make_batch(self, job: Job, about: str, meanwhile: list[Op]) -> None:
        self.seen, self.leads_to, self.gone, self.about = [], [], set(), about
        self.erased = False
        self.note()
        self.meanwhile = list(meanwhile)
        with self.interrupted():
            running.run(self.services, job.id)
            for _ in range(100):
                job = self.latest(job)
                if job.state == JobState.RUNNING:
                    run_part(self.services)
                elif job.state == JobState.QUEUED:  # handed back, for too much changed beneath its plan
                    self.clock.advance(seconds=121)
                    running.run(self.services, job.id)
                else:
                    break
        if self.broke is not None:
            raise self.broke
        self.check(job)
        self.about = ""
        self.clock.advance(seconds=121)  # what stood aside goes on
        for op in (*self.meanwhile, ("step",), ("step",), ("step",)):
            self.do(op)
        self.meanwhile = []

    @contextmanager
    def interrupted(self) -> Iterator[None]:
        """Something happens right before each statement that reads occurrences, outside of writing transactions."""
        at_it: list[str] = []

        def happen(statement: str) -> None:
            if at_it or not self.meanwhile or "FROM occurrences" not in statement:
                return
            at_it.append(statement)
            try:
                self.do(self.meanwhile.pop(0))
            except Exception as error:
                self.broke = error
            finally:
                at_it.clear()

        with before_statements(self.services.db, happen):
            yield

    def check(self, job: Job) -> None:
        """Each occurrence of one time once, in its crash of that time, but for what has gone since."""
        if self.erased and job.state in (JobState.CANCELLED, JobState.EXPIRED):
            return  # the erasure ended it, or removed its result
        assert job.state == JobState.FINISHED, (job.state, job.error_message)
        self.batches += 1
        with self.services.db.read() as session:
            stored = [self.services.storage.get(part.key) for part in parts_of(session, job.id)]
        lines = [json.loads(line) for content in stored for line in content.splitlines()]
        shown = {line["id"]: line["crash_identifier"] for line in lines}
        assert len(shown) == len(lines), "an occurrence is doubled"
        manifest = json.loads(self.services.storage.get(job.result_key))
        assert manifest["complete"] is (manifest["missing"] == 0)
        if "arrived" in job.params:
            assert any(shown.items() <= told.items() for told in self.seen)
        else:
            assert any(
                shown.items() <= told.items()
                and set(told) - set(shown) <= self.gone
                and len(told) - len(shown) == manifest["missing"]
                for told in self.expected()
            ), (shown, manifest["missing"], self.gone, list(self.expected()))

    def expected(self) -> Iterator[Told]:
        """What the batch might show, snapshot by snapshot, and with what was gone already when it was planned."""
        for number, told in enumerate(self.seen):
            crash = self.leads_to[number] if self.about else None
            yield {name: home for name, home in told.items() if crash in (None, home)}

    def latest(self, job: Job) -> Job:
        with self.services.db.read() as session:
            return session.get_one(Job, job.id)

    def live_jobs(self) -> list[Job]:
        with self.services.db.read() as session:
            return list(session.scalars(select(Job).where(Job.app_id == self.member.app.id, LIVE).order_by(Job.id)))

    def crashes(self) -> list[Crash]:
        with self.services.db.read() as session:
            own = select(Crash).where(Crash.app_id == self.member.app.id, Crash.occurrences_count > 0)
            return list(session.scalars(own.order_by(Crash.identifier)))

    def end(self) -> None:
        """Let everything come to its end: then each occurrence is in exactly one run of the exporter."""
        self.clock.advance(days=1)
        for _ in range(ROUNDS):
            sweep(self.services)
            run_exports(self.services)
            run_enqueued(self.services)
            self.clock.advance(seconds=61)
            if self.is_done():
                break
        else:
            pytest.fail("not everything has ended")
        runs = delivered(self.services.storage, f"exports/archive/of-{self.number}")
        exported = [name for run in runs.values() for name in run]
        assert len(set(exported)) == len(exported), "an occurrence is in two runs"
        assert set(self.now()) <= set(exported), "an occurrence is in no run"

    def is_done(self) -> bool:
        with self.services.db.read() as session:
            undone = select(DataExporterRun.id).where(DataExporterRun.state != RunState.DONE)
            return session.scalar(undone.limit(1)) is None and not self.live_jobs()

    @contextmanager
    def rules(self) -> Iterator[None]:
        """Groups are named anew whenever the salt changes."""

        def salted(log: Any, blame: Any = None) -> Any:
            made = fingerprint(log, blame)
            return replace(made, value=hashlib.sha256((made.value + self.salt).encode()).hexdigest()[:32])

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(grouping, "fingerprint", salted)
            yield
