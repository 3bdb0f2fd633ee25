"""`crashq regroup` as a process: whole at the end, however often it is killed, in an embedded folder."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.config import Config, embedded_environment
from app.db import open_database
from app.db.models.crash import find_crash
from app.db.models.occurrence import Occurrence
from app.db.models.regrouping import Regrouping
from app.ingest.digest import digest
from app.ingest.regrouping import WORK as REGROUPING
from app.operations.schema import upgrade
from app.queueing.broker import MemoryBroker
from app.services import Services
from tests.factories import Clock, make_member
from tests.faults.leases import end_attempts
from tests.regrouping import counted, rules_of_the_next_version, send
from tests.stores import ready_store

LOGS, KILLS = 400, 4
CRASHQ = Path(sys.executable).with_name("crashq")
GROUPS = 7


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def services(folder: Path) -> Iterator[Services]:
    """An embedded data folder, as the command opens it."""
    config = Config.from_env(embedded_environment(folder, {}), needs_broker=False)
    made = Services(
        config, open_database(config.database_url), ready_store(config.storage_url), MemoryBroker(), Clock()
    )
    upgrade(made.db)
    yield made
    made.close()


def command(folder: Path, *arguments: str) -> list[str]:
    return [str(CRASHQ), "regroup", "--data-dir", str(folder), *arguments]


def progress(services: Services) -> tuple[int, bool]:
    """(logs looked at, whether it is under way)."""
    with services.db.read() as session:
        row = session.scalar(select(Regrouping).where(Regrouping.finished_at.is_(None)))
    return (row.done, True) if row else (0, False)


def test_a_regrouping_that_is_killed_again_and_again_loses_and_doubles_nothing(folder, services, ledger):
    member = make_member(services)
    with rules_of_the_next_version():  # what the command finds was made by other rules than its own
        digest_all(services, member, [f"-[Page{number % GROUPS} go]" for number in range(LOGS)])
    old = counted(services)
    environment = {name: value for name, value in os.environ.items() if name != "REDIS_URL"} | {"CRASHQ_JOB_LEASE": "3"}

    kills = 0
    for number in range(KILLS):
        before, _ = progress(services)
        process = subprocess.Popen(
            command(folder), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while process.poll() is None and progress(services)[0] <= before + 50:
            time.sleep(0.02)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
        if number < KILLS - 1:
            end_attempts(services, REGROUPING)
        assert sum(counted(services).values()) == LOGS
    killed = time.monotonic()
    told = subprocess.run(command(folder), env=environment, capture_output=True, text=True, timeout=120, check=True)

    ledger.add("4 kills -9 of the process, regrouping", time.monotonic() - killed)
    new = counted(services)
    assert kills > 0
    assert sorted(new.values()) == sorted(old.values())
    assert not set(new) & set(old)
    assert f"{LOGS} logs, " in told.stdout
    with services.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Occurrence)) == LOGS
        for identifier, number in old.items():
            assert find_crash(session, identifier).occurrences_count == number


def digest_all(services: Services, member, frames: list[str]) -> None:
    def work() -> None:
        while services.broker.messages:
            digest(services, int(services.broker.messages.pop(0)[1]))

    send(services, member, work, *frames)
