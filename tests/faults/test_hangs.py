"""Work that hangs in C, with and without letting other threads run: its job fails, and its worker is of use again."""

import time
from pathlib import Path

import pytest

from tests.factories import kscrash
from tests.faults.conftest import RECOVERY, SWEEP_EVERY
from tests.faults.deployment import LEASE, Deployment, Servers, deployment
from tests.faults.ledger import IS_SOAK, Ledger
from tests.faults.promises import await_jobs, await_logs, check_failed, check_finished, check_nothing_left_over
from tests.faults.sitecustomize_lines import at_start
from tests.system.conftest import log_in, until

TIME_LIMIT = 10  # seconds; the shortest that the settings allow
KILL_GRACE = 10  # seconds, of app/work/limits.py
SILENCE = 30  # seconds, of app/work/watcher.py

# CDLL lets other threads run meanwhile, PyDLL does not.
HANG = """
import ctypes
from dataclasses import replace
from app.jobs import JOB_TYPES
hang = lambda params, run: ctypes.{library}(None).sleep(3_600)
JOB_TYPES["occurrences"] = replace(JOB_TYPES["occurrences"], compute=hang)
"""

CASES = [("CDLL", "The job took longer than 10 seconds", 1)]
CASES_IN_SOAK = [("PyDLL", "The job failed after 3 attempts, the last with: Its worker died or was cut off", 3)]


@pytest.mark.parametrize(("library", "reason", "attempts"), CASES + (CASES_IN_SOAK if IS_SOAK else []))
def test_a_job_that_hangs_in_c_fails_in_bounded_time_and_its_worker_goes_on(
    library: str, reason: str, attempts: int, servers: Servers, tmp_path: Path, ledger: Ledger
):
    hanging = at_start(tmp_path, HANG.format(library=library))
    limits = {"CRASHQ_JOB_TIME_LIMIT": str(TIME_LIMIT)}
    with deployment(tmp_path, servers, start=False, **limits) as here:
        here.add("web")
        for worker in ("worker1", "worker2"):
            here.add(worker, **hanging)
        here.add("beat")
        here.await_ready()
        log_in(here.http)
        crash = here.long_crash(10)
        started = time.monotonic()
        job = here.ask(here.new_question(crash))

        await_jobs(here, [job], attempts * (TIME_LIMIT + KILL_GRACE + SILENCE + LEASE + 2 * SWEEP_EVERY))
        ledger.add(f"job that hangs in C ({library}), time limit {TIME_LIMIT} s", time.monotonic() - started)

        assert check_failed(here, job) == reason
        assert here.query("SELECT attempt FROM jobs WHERE id = %s", job) == [(attempts,)]
        _is_of_use_again(here)
        check_nothing_left_over(here)


def _is_of_use_again(here: Deployment) -> None:
    """A log and its report are done by the same workers."""
    until(lambda: here.upload("after", kscrash(frame="-[After go]")), "the upload", 15)
    await_logs(here, ["after"], RECOVERY + KILL_GRACE)
    [(crash, number, day)] = here.query(
        "SELECT c.identifier, o.number, to_char(o.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')"
        " FROM occurrences o JOIN crashes c ON c.id = o.crash_id WHERE o.log_id = 'after'"
    )
    report = here.ask(
        f"/api/crashes/{crash}/export_occurrences?id=after-crash-{number}&log_id=after&date={day}&format=json"
    )
    await_jobs(here, [report], RECOVERY + KILL_GRACE)
    check_finished(here, report, None)
