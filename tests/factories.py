"""Makes what tests need, with a default for every field: plain functions, no fixtures."""

import hashlib
import json
import os
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.config import Config
from app.db import Session
from app.db.models.app import App, find_app
from app.db.models.crash import Crash
from app.db.models.log import Log, LogStatus
from app.db.models.membership import Membership, Role
from app.db.models.occurrence import Occurrence
from app.db.models.user import find_user
from app.identity import accounts
from app.queueing.broker import PUSH, MemoryBroker
from app.services import Services
from app.speed import Speed
from workers.tasks import TASKS, TaskMessage

PASSWORD = "correct horse battery staple"
NOON = datetime(2018, 9, 13, 12, 0, tzinfo=UTC)

CONFIG = Config(
    database_url="sqlite://",
    redis_url=None,
    storage_url="memory://",
    secret_key="only for tests, opens nothing",
    speed=Speed.without(os.environ.get("CRASHQ_WITHOUT", "")),
)


@dataclass
class Clock:
    """A clock that moves when told."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> None:
        self.now += timedelta(**duration)


@dataclass(frozen=True)
class Member:
    """A user with an app: ids, secrets and the header that logs in."""

    user_id: int
    email: str
    app: App
    ingest_key: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Token {self.token}"}

    @property
    def sender(self) -> dict[str, str]:
        return {"Authorization": f"Token {self.ingest_key}"}


def make_member(services: Services, email: str = "ada@example.com", app_name: str = "Notes") -> Member:
    """A user who is the only member of a new app, logged in."""
    accounts.create_user(services, email, PASSWORD)
    identifier, key = accounts.create_app_for(services, app_name, email)
    with services.db.read() as session:
        user, app = find_user(session, email), find_app(session, identifier)
    assert user
    assert app
    return Member(user.id, email, app, key, accounts.log_in(services, email, PASSWORD))


def join(services: Services, email: str, app: App, role: Role = Role.OWNER) -> Member:
    """Another user who may see the same app, logged in."""
    made = make_member(services, email, "Their own")
    with services.db.write() as session:
        session.add(Membership(user_id=made.user_id, app_id=app.id, role=role.value))
    return replace(made, app=app)


def make_crash(
    services: Services, app: App, occurrences: int = 3, newest: datetime = NOON, every: timedelta = timedelta(days=1)
) -> Crash:
    """A crash with that many occurrences, one per log, spaced evenly back from the newest."""
    with services.db.write() as session:
        crash = Crash(
            app_id=app.id,
            identifier=secrets.token_hex(12),
            fingerprint=secrets.token_hex(16),
            fingerprint_version=1,
            title="NSRangeException in -[Notebook pageAtIndex:]",
            first_seen=newest - every * max(occurrences - 1, 0),
            last_seen=newest,
            occurrences_count=occurrences,
            revision=1,
        )
        session.add(crash)
        session.flush()
        for number in range(occurrences):
            add_occurrence(session, crash, newest - every * number, number)
    return crash


def add_occurrence(session: Session, crash: Crash, occurred_at: datetime, number: int) -> Occurrence:
    """One occurrence in a log of its own, named as the vendor names logs."""
    log_id = f"2544355787-{int(occurred_at.timestamp())}-logs-{number % 100_000:05d}"
    log = Log(
        app_id=crash.app_id,
        log_id=log_id,
        sha256=hashlib.sha256(log_id.encode()).hexdigest(),
        size=1,
        storage_key=f"logs/none/{log_id}",
        received_at=occurred_at,
        status=LogStatus.DIGESTED,
        attempt=1,
        enqueue_after=occurred_at,
    )
    session.add(log)
    session.flush()
    occurrence = Occurrence(crash_id=crash.id, log_row=log.id, log_id=log_id, number=1, occurred_at=occurred_at)
    session.add(occurrence)
    session.flush()
    return occurrence


def add_newer(services: Services, crash: Crash, occurred_at: datetime = NOON + timedelta(hours=1)) -> None:
    """One more occurrence of a crash, counted as a digest would."""
    with services.db.write() as session:
        stored = session.get_one(Crash, crash.id)
        stored.occurrences_count += 1
        stored.revision += 1
        stored.last_seen = max(stored.last_seen, occurred_at)
        add_occurrence(session, stored, occurred_at, stored.occurrences_count)


def run_enqueued(services: Services) -> int:
    """Do what a worker would for every task message so far; returns how many there were."""
    assert isinstance(services.broker, MemoryBroker)
    done = 0
    while services.broker.messages:
        task, row_id = services.broker.messages.pop(0)
        if task != PUSH:  # deliveries have threads of their own
            TASKS[task](services, TaskMessage(row_id))
        done += 1
    return done


def kscrash(
    reason: str = "unrecognized selector sent to instance", frame: str = "-[PageView tapped:]", **report: Any
) -> bytes:
    """A small whole KSCrash report of a made-up app."""
    return json.dumps(
        {
            "report": {"id": "6B3C2C7E-0000-4000-8000-000000000001", "type": "standard", "version": "3.1.0",
                       "timestamp": "2018-09-13T08:02:53Z", "process_name": "Notes", **report},
            "system": {"CFBundleIdentifier": "com.example.notes", "CFBundleShortVersionString": "1.2", "CFBundleVersion": "45",
                       "system_name": "iOS", "system_version": "11.4.1", "os_version": "15G77", "machine": "iPhone9,4"},
            "crash": {
                "error": {"type": "nsexception", "reason": reason,
                          "nsexception": {"name": "NSInvalidArgumentException"},
                          "mach": {"exception": 10, "exception_name": "EXC_CRASH"}, "signal": {"signal": 6, "name": "SIGABRT"}},
                "threads": [
                    {"index": 0, "crashed": True, "current_thread": True, "backtrace": {"skipped": 0, "contents": [
                        {"instruction_addr": 6443512345, "object_name": "CoreFoundation", "object_addr": 6443500000,
                         "symbol_name": "__exceptionPreprocess", "symbol_addr": 6443512300},
                        {"instruction_addr": 4295012345, "object_name": "Notes", "object_addr": 4294967296,
                         "symbol_name": frame, "symbol_addr": 4295012300},
                    ]}}
                ],
            },
            "binary_images": [
                {"name": "/var/containers/Bundle/Application/1/Notes.app/Notes", "image_addr": 4294967296,
                 "image_size": 1048576, "uuid": "0A0B0C0D-0000-4000-8000-000000000002"},
                {"name": "/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation", "image_addr": 6443500000,
                 "image_size": 1048576, "uuid": "0A0B0C0D-0000-4000-8000-000000000003"},
            ],
        }
    ).encode()  # fmt: skip
