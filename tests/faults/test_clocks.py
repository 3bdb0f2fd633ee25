"""Wrong clocks, by libfaketime: nothing is taken over early, done twice or left for long."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.factories import kscrash
from tests.faults.conftest import RECOVERY
from tests.faults.deployment import Deployment, Servers, deployment
from tests.faults.ledger import IS_SOAK, Ledger, chance
from tests.faults.promises import await_jobs, await_logs, check_finished, check_logs, check_nothing_left_over
from tests.faults.sitecustomize_lines import at_start
from tests.faults.slow_digests import is_inserting, slow_digests
from tests.servers import missing, postgres_server
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
END_SLEEP = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
"""It ends at a time of the clock, which is a day off by now."""


# libfaketime moves the end of clock_nanosleep, which Python's sleep uses, although it leaves that clock alone.
SLEEP_BY_SELECT = "import select, time\ntime.sleep = lambda seconds: select.select([], [], [], seconds) and None\n"


def faked_clock() -> dict[str, str]:
    """Environment of a process on libfaketime.

    Not by its program faketime: that makes a semaphore named by its process id, which a killed one leaves behind, and
    then fails for the next process of that id.
    """
    if shutil.which("faketime") is None:
        missing("faketime", "Debian's package faketime has it")
    return {
        "LD_PRELOAD": "/usr/$LIB/faketime/libfaketime.so.1",  # the linker puts the folder of the architecture there
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


@contextmanager
def off(servers: Servers, folder: Path, wrong: str, by: str) -> Iterator[Deployment]:
    """A deployment in which some parts live on a host with a wrong clock."""
    patched = folder / "patched"
    patched.mkdir()
    fake = {**at_start(patched, SLEEP_BY_SELECT), **faked_clock(), "FAKETIME": by}
    with deployment(folder, servers, start=False) as here:
        for name in PARTS:
            if name in wrong.split():
                here.add(name, **fake)
            else:
                here.add(name)
        until(lambda: here.send("GET", "/healthz").status == 200, "web to answer")
        log_in(here.http)
        yield here


@pytest.mark.parametrize(("wrong", "by"), WRONG + (WRONG_IN_SOAK if IS_SOAK else []))
def test_a_clock_five_minutes_off_takes_no_job_from_a_living_worker_and_leaves_none_of_a_dead_one(
    wrong: str, by: str, servers: Servers, tmp_path: Path, ledger: Ledger
):
    random_times = chance(f"clock {wrong} {by}")
    with off(servers, tmp_path, wrong, by) as here:
        crash = here.long_crash(ROWS)
        undisturbed = [here.ask(here.new_question(crash)) for _ in range(4)]  # some on either host
        await_jobs(here, undisturbed, RECOVERY)
        for job in undisturbed:
            check_finished(here, job, ROWS)
        attempts = here.query("SELECT max(attempt) FROM jobs")

        not_sent = here.ask(here.new_question(crash))
        with here.redis() as client:
            assert all(here.upload(f"clock-{number}", kscrash(frame="-[Clock go]")) for number in range(5))
            client.flushall()
        asked = time.monotonic()
        await_jobs(here, [not_sent], RECOVERY)
        await_logs(here, [f"clock-{number}" for number in range(5)], RECOVERY)
        ledger.add(f"clock of {wrong} {by}: messages lost", time.monotonic() - asked)

        orphan = here.ask(here.new_question(crash))
        worker = here.holder(orphan)
        time.sleep(random_times.uniform(0, 0.5))  # at a random time
        here[worker].kill_children()
        killed = time.monotonic()
        await_jobs(here, [orphan], RECOVERY)
        ledger.add(f"clock of {wrong} {by}: worker killed", time.monotonic() - killed)

        assert attempts == [(1,)]
        check_finished(here, not_sent, ROWS)
        check_finished(here, orphan, ROWS, unseen=1)
        check_logs(here, [f"clock-{number}" for number in range(5)])
        check_nothing_left_over(here)


@contextmanager
def postgres_with_a_clock() -> Iterator[tuple[str, Path]]:
    """The URL of a PostgreSQL, and the file that says how far its clock is off."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        offset = folder / "offset"
        offset.write_text("+0\n")
        settings = {**faked_clock(), "FAKETIME_TIMESTAMP_FILE": offset, "FAKETIME_NO_CACHE": "1"}
        prefix = ["env", *(f"{name}={value}" for name, value in settings.items())]
        with postgres_server(prefix=prefix) as url:
            yield url, offset


def test_work_whose_worker_dies_as_the_clock_of_postgresql_is_set_back_waits_for_no_tomorrow(
    servers: Servers, tmp_path: Path, ledger: Ledger
):
    logs = [f"yesterday-{number}" for number in range(5)]
    with (
        postgres_with_a_clock() as (postgres, offset),
        deployment(tmp_path, replace(servers, postgres=postgres)) as here,
    ):
        crash = here.long_crash()
        with slow_digests(here, seconds=2):
            assert all(here.upload(log_id, kscrash(frame="-[Clock back]")) for log_id in logs)
            until(lambda: is_inserting(here), "a digest to insert")
            job = here.ask(here.new_question(crash))
            here.holder(job)
            [(before,)] = here.query("SELECT clock_timestamp()")
            offset.write_text("-1d\n")
            for name in ("worker1", "worker2"):
                assert here[name].kill_children()
            here.query(END_SLEEP)
        killed = time.monotonic()
        held = here.query(
            "SELECT id FROM jobs WHERE id = %s AND lease_expires_at > clock_timestamp() + interval '23 hours'", job
        )
        held_logs = here.query("SELECT id FROM logs WHERE lease_expires_at > clock_timestamp() + interval '23 hours'")
        here[here.holder(job, attempt=2)].kill_children()

        await_jobs(here, [job], RECOVERY)
        await_logs(here, logs, RECOVERY)

        ledger.add("clock of PostgreSQL -1d: workers killed", time.monotonic() - killed)
        assert here.query("SELECT clock_timestamp() < %s::timestamptz - interval '23 hours'", before) == [(True,)]
        assert held, "the job was held by a lease that ends tomorrow"
        assert held_logs, "some log was, too"
        check_finished(here, job, here.rows, unseen=2)
        check_logs(here, logs)
        check_nothing_left_over(here)
