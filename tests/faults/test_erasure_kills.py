"""The worker that erases is killed with SIGKILL again and again, and the user is erased all the same."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config import Config, embedded_environment
from app.db.models.erasure import Erasure, ErasureState
from app.ingest.digest import digest
from app.ingest.receive import receive
from app.operations.doctor import examine
from app.operations.schema import upgrade
from app.privacy.erasing import WORK as ERASURE
from app.services import Services, open_services
from tests.factories import Member, make_member
from tests.faults.leases import end_attempts
from tests.sentry_events import sentry_event
from tests.stored_bytes import where_it_lies
from tests.system.conftest import until

ADA, BOB = "user-ada-4711", "user-bob-0815"
LOGS, KILLS = 600, 5
LEASE = 3  # seconds that a dead process holds the erasure
PATIENCE = 60.0  # seconds


@pytest.fixture
def services(tmp_path) -> Iterator[Services]:
    opened = open_services(Config.from_env(embedded_environment(tmp_path), needs_broker=False))
    upgrade(opened.db)
    opened.storage.set_up()
    yield opened
    opened.close()


def erase(folder: Path, member: Member) -> subprocess.Popen[str]:
    """The command, begun."""
    command = [sys.executable, "-c", "from app.cli import main; main()", "erase", "--app", member.app.identifier,
               "--data-dir", str(folder), "-"]  # fmt: skip
    environ = {**os.environ, "CRASHQ_JOB_LEASE": str(LEASE)}
    begun = subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert begun.stdin
    begun.stdin.write(f"{ADA}\n")
    begun.stdin.flush()
    return begun


def how_far(services: Services) -> tuple[str, str, int]:
    """What grows while an erasure goes on; it does not when nothing is done."""
    with services.db.read() as session:
        one = session.query(Erasure).order_by(Erasure.created_at.desc()).first()
        return (one.step, one.place, one.logs) if one and one.state == ErasureState.LIVE else ("", "", 0)


def test_killed_five_times_in_mid_work_it_is_done_in_the_end(services, tmp_path, ledger):
    member = make_member(services)
    for number in range(LOGS):
        receive(services, member.app, f"log-{number}", sentry_event(ADA if number % 2 else BOB, name=f"{number}"))
    assert len(where_it_lies(services, ADA)) == LOGS // 2
    for row_id in range(1, LOGS // 2, 20):  # most are digested, the others are in flight
        digest(services, row_id)

    seen = []
    for number in range(KILLS):
        before, process = how_far(services), erase(tmp_path, member)
        until(
            lambda before=before, process=process: how_far(services) != before or process.poll() is not None,
            "the erasure to move", PATIENCE, every=0.002,
        )  # fmt: skip
        seen.append(how_far(services))
        process.kill()
        process.communicate()
        if number < KILLS - 1:
            end_attempts(services, ERASURE)
    killed = time.monotonic()
    last = erase(tmp_path, member)
    told, _ = last.communicate(timeout=PATIENCE)
    ledger.add(f"{KILLS} kills -9 of the process, erasure", time.monotonic() - killed)

    assert last.returncode == 0
    assert told.startswith("erased: ")
    assert len(set(seen)) > 2, seen
    assert where_it_lies(services, ADA) == []
    assert len(where_it_lies(services, BOB)) >= LOGS // 2
    assert [finding.what for finding in examine(services)] == []
