"""Drives uploads and digests and their model side by side, also in the middle of a digest."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import delete, select

from app.crashes.fingerprint import crash_identifier, fingerprint
from app.crashes.log import CrashLog
from app.db.models.crash import Crash
from app.db.models.log import Log as Row
from app.db.models.occurrence import Occurrence
from app.errors import AppError, MalformedLog, TransientError
from app.ingest.digest import digest_some
from app.ingest.receive import receive
from app.parsers.document import Document
from app.queueing.broker import MemoryBroker
from app.services import Services
from app.sweep import sweep
from app.work.ending import unwritten
from tests.factories import CONFIG, Clock, make_member
from tests.log_parsers import CONTENT, NAME, parsed
from tests.properties.faulty import COMMIT_FAILS, FaultyDatabase, FaultyStorage

LEASE = timedelta(seconds=CONFIG.job_lease)  # of a log below 1 MiB

Step = tuple[Any, ...]  # name of a `World.do_…` and what it takes


class WorkerDied(BaseException):
    """kill -9: nothing of the worker's runs any more."""


class Plan(NamedTuple):
    """What happens to one digest."""

    steps: tuple[Step, ...] = ()  # while it parses
    ending: str = "parsed"  # parsed, malformed, transient, bug, death
    crashes: str = "a"  # a letter each
    storage_fails: bool = False  # when the bytes are to be read
    fault: str | None = None  # of the transaction that tells the outcome


@dataclass
class Log:
    """One upload, as promised."""

    key: tuple[int, str]  # app, log_id
    content: bytes
    row: int
    status: str = "received"
    attempt: int = 0
    failures: int = 0
    lease: datetime | None = None
    crashes: str = ""  # found by the digest that counted


@dataclass
class Digesting:
    """One digest under way."""

    plan: Plan
    log: Log | None = None
    number: int = 0
    was_parsing: bool = False


@dataclass
class Parser:
    """Claims what begins as the tests' own format and does what the world plans."""

    act: Callable[[bytes], list[CrashLog]]
    FORMAT: str = NAME

    def sniff(self, document: Document) -> bool:
        """True for what begins as the tests' own format."""
        return document.raw.startswith(CONTENT)

    def parse(self, document: Document) -> list[CrashLog]:
        """Whatever the world says."""
        return self.act(document.raw)


@dataclass
class World:
    """Two apps, to which logs of a few names and contents are sent."""

    base: Services
    clock: Clock
    digests: list[Digesting] = field(default_factory=list)  # the innermost last

    def __post_init__(self) -> None:
        assert isinstance(self.base.db, FaultyDatabase)
        self.db = self.base.db
        self.apps = [make_member(self.base, name, name).app for name in ("ada@example.com", "bob@example.com")]
        self.parser = Parser(self._parse)

    def reset(self) -> None:
        """Forget every log, for the next example."""
        self.db.before_write, self.db.fault = lambda: None, None
        with self.db.write() as session:
            for table in (Occurrence, Crash, Row):
                session.execute(delete(table))
        self.broker, self.storage = MemoryBroker(), FaultyStorage()
        self.services = replace(self.base, storage=self.storage, broker=self.broker)
        self.logs: dict[tuple[int, str], Log] = {}
        self.orphans: set[str] = set()  # keys of objects that may have no row
        self.touched: Counter[str] = Counter()  # identifier of a crash -> digests that counted into it
        self.digests.clear()
        self.broken: Exception | None = None  # what failed in the middle of a digest

    def do(self, step: Step) -> None:
        """Do one step."""
        getattr(self, f"do_{step[0]}")(*step[1:])

    def do_tick(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)

    def do_sweep(self) -> None:
        sweep(self.services)
        for log in self.logs.values():
            if log.status == "received" and log.lease is not None and log.lease <= self.clock.now:
                log.failures += 1  # its worker counts as dead
                log.lease = None
                if log.failures >= self.services.config.max_attempts:
                    log.status = "rejected"

    def do_enqueue_twice(self, index: int) -> None:
        if self.broker.messages:
            self.broker.messages.append(self.broker.messages[index % len(self.broker.messages)])

    def do_flush(self) -> None:
        self.broker.messages.clear()

    def do_upload(self, app: int, log_id: str, content: str, fault: str | None) -> None:
        body, known, messages = CONTENT + content.encode(), self.logs.get((app, log_id)), len(self.broker.messages)
        self.storage.failures = 1 if fault == "storage fails" else 0
        self.db.fault = None if fault == "storage fails" else fault
        answer = 202
        before = self.keys()
        try:
            receive(self.services, self.apps[app], log_id, body)
        except AppError as error:
            answer = error.status
        self.storage.failures, self.db.fault = 0, None
        with self.db.read() as session:
            row = session.scalar(select(Row.id).where(Row.app_id == self.apps[app].id, Row.log_id == log_id))
        if known:
            assert answer == (202 if known.content == body else 409)
        elif row is None:
            assert fault
            assert answer == 503
            if fault == COMMIT_FAILS:  # bytes come first, so that no row lacks them; a sweep removes these
                self.orphans |= self.keys() - before
        else:
            assert answer == 202 or fault
            assert fault or len(self.broker.messages) == messages + 1
            self.logs[app, log_id] = Log((app, log_id), body, row)

    def keys(self) -> set[str]:
        """Of the stored bytes of logs."""
        return {stat.key for stat in self.storage.list("logs")}

    def do_digest(self, index: int, plan: Plan) -> None:
        """A worker receives a message, or an old one when the index lies beyond those that wait, and takes the next logs."""
        messages = self.broker.messages
        if index < len(messages):
            messages.pop(index)
        digesting = Digesting(plan)
        self.digests.append(digesting)
        self.storage.failures = int(plan.storage_fails)
        failed = None
        try:
            digest_some(self.services)
        except WorkerDied:
            failed = "death"
        except TransientError:
            assert plan.fault
        self.digests.pop()
        unwritten.forget()  # the worker dies before the database is back
        if self.broken:
            raise self.broken
        self.storage.failures, self.db.fault = 0, None
        if digesting.log is None:
            self._begun(digesting)
        if digesting.log is not None:
            self._finish(digesting, digesting.log, failed)

    def _begun(self, digesting: Digesting) -> None:
        """Tell the model which log was claimed, if any: the one that has an attempt more than it knows of."""
        with self.db.read() as session:
            rows = {row.id: row.attempt for row in session.scalars(select(Row))}
        begun = [log for log in self.logs.values() if rows[log.row] != log.attempt]
        assert len(begun) <= 1
        for log in begun:
            assert log.status == "received", "a log is digested again"
            assert log.lease is None, "two workers at one log"
            log.attempt += 1
            assert log.attempt == rows[log.row]
            log.lease = self.clock.now + LEASE
            digesting.log, digesting.number = log, log.attempt

    def _parse(self, raw: bytes) -> list[CrashLog]:
        """One log's parsing; what the product would take for a bug of the parser is kept, to be raised again outside."""
        try:
            self._happen(raw)
        except Exception as error:
            self.broken = self.broken or error
            raise
        match self.digests[-1].plan.ending:
            case "malformed":
                raise MalformedLog
            case "transient":
                raise TransientError
            case "bug":
                raise ZeroDivisionError
            case "death":
                self.db.fault = None
                raise WorkerDied
        return parsed(*self.digests[-1].plan.crashes)

    def _happen(self, raw: bytes) -> None:
        digesting = self.digests[-1]
        plan = digesting.plan
        assert not digesting.was_parsing
        self._begun(digesting)
        assert digesting.log is not None
        assert raw == digesting.log.content
        digesting.was_parsing = True
        for step in plan.steps:
            self.do(step)
        self.db.fault = plan.fault

    def _finish(self, digesting: Digesting, log: Log, failed: str | None) -> None:
        """Tell the model how a digest ended, now that it has."""
        with self.db.read() as session:
            row = session.get_one(Row, log.row)
        plan = digesting.plan
        if failed == "death" or (log.status, log.attempt) != ("received", digesting.number) or log.lease is None:
            return  # dead, or taken over meanwhile: what it found leaves no trace
        outcome = plan.ending if digesting.was_parsing else "unread"
        match row.status:
            case "received":
                assert plan.fault or outcome not in ("parsed", "malformed")
                if row.lease_expires_at is None:
                    log.failures += outcome == "bug"
                    log.lease = None
                else:
                    assert plan.fault, "an attempt that ended holds its log"
            case "rejected":
                log.failures += outcome == "bug"
                assert outcome == "malformed" or log.failures >= self.services.config.max_attempts, "given up too early"
                log.status, log.lease = "rejected", None
            case "digested":
                assert outcome == "parsed"
                log.status, log.lease, log.crashes = "digested", None, plan.crashes
                self.touched.update({self.identifier(log, letter) for letter in plan.crashes})

    def identifier(self, log: Log, letter: str) -> str:
        """Of the crash that the letter stands for in the log's app."""
        return crash_identifier(self.apps[log.key[0]].identifier, fingerprint(*parsed(letter)))
