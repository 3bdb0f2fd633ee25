"""A host whose clock is five minutes off, by libfaketime: nothing is taken over early, done twice or left for long."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.factories import kscrash
from tests.faults.conftest import RECOVERY
from tests.faults.deployment import Deployment, Servers, at_start, deployment
from tests.faults.ledger import IS_SOAK, Ledger, chance
from tests.faults.promises import await_jobs, await_logs, check_finished, check_logs, check_nothing_left_over
from tests.servers import missing
from tests.system.conftest import log_in, until

PARTS = ("web", "worker1", "worker2", "beat")
WRONG = [("worker1 worker2", "+5m"), ("web", "+5m")]
WRONG_IN_SOAK = [
    ("worker1", "+5m"),
    ("worker1", "-5m"),
    ("worker1 worker2", "-5m"),
    ("web", "-5m"),
    ("beat", "+5m"),
    ("beat", "-5m"),
]
ROWS = 150_000


# libfaketime moves the end of clock_nanosleep, which Python's sleep uses, although it leaves that clock alone.
SLEEP_BY_SELECT = "import select, time\ntime.sleep = lambda seconds: select.select([], [], [], seconds) and None\n"


@contextmanager
def off(servers: Servers, folder: Path, wrong: str, by: str) -> Iterator[Deployment]:
    """A deployment in which some parts live on a host with a wrong clock."""
    program = shutil.which("faketime") or missing("faketime", "Debian's package faketime has it")
    patched = folder / "patched"
    patched.mkdir()
    fake = {
        **at_start(patched, SLEEP_BY_SELECT),
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with deployment(folder, servers, start=False) as here:
        for name in PARTS:
            if name in wrong.split():
                here.add(name, f"{program} -f {by}", **fake)
            else:
                here.add(name)
        until(lambda: here.send("GET", "/healthz").status == 200, "web to answer")
        log_in(here.http)
        yield here


@pytest.mark.parametrize(("wrong", "by"), WRONG + (WRONG_IN_SOAK if IS_SOAK else []))
def test_a_clock_five_minutes_off_takes_no_job_from_a_living_worker_and_leaves_none_of_a_dead_one(
    wrong: str, by: str, servers: Servers, tmp_path: Path, ledger: Ledger
):
    moments = chance(f"clock {wrong} {by}")
    with off(servers, tmp_path, wrong, by) as here:
        crash = here.long_crash(ROWS)
        undisturbed = [here.ask(here.new_question(crash)) for _ in range(4)]  # some on either host
        await_jobs(here, undisturbed, RECOVERY)
        for job in undisturbed:
            check_finished(here, job, ROWS)
        attempts = here.query("SELECT max(attempt) FROM jobs")

        unheard = here.ask(here.new_question(crash))
        with here.redis() as client:
            assert all(here.upload(f"clock-{number}", kscrash(frame="-[Clock go]")) for number in range(5))
            client.flushall()
        asked = time.monotonic()
        await_jobs(here, [unheard], RECOVERY)
        await_logs(here, [f"clock-{number}" for number in range(5)], RECOVERY)
        ledger.add(f"clock of {wrong} {by}: rings lost", time.monotonic() - asked)

        orphan = here.ask(here.new_question(crash))
        worker = here.holder(orphan)
        time.sleep(moments.uniform(0, 0.5))  # the random moment
        here[worker].kill_children()
        killed = time.monotonic()
        await_jobs(here, [orphan], RECOVERY)
        ledger.add(f"clock of {wrong} {by}: worker killed", time.monotonic() - killed)

        assert attempts == [(1,)]
        check_finished(here, unheard, ROWS)
        check_finished(here, orphan, ROWS, unseen=1)
        check_logs(here, [f"clock-{number}" for number in range(5)])
        check_nothing_left_over(here)
