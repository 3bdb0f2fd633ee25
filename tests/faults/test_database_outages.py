"""PostgreSQL killed and restarted on the same folder in the midst of exports and ingest."""

import time
from pathlib import Path

import pytest

from tests.factories import kscrash
from tests.faults.conftest import RECOVERY, Export
from tests.faults.deployment import Deployment, Servers, deployment
from tests.faults.ledger import FEW, Ledger, chance
from tests.faults.mortal import Mortal, hold_for
from tests.faults.promises import await_jobs, await_logs, check_finished, check_logs, check_nothing_left_over, set_due
from tests.faults.slow_digests import is_inserting, slow_digests
from tests.system.conftest import log_in, until

AWAY = 4.0  # seconds, longer than the lease, so that the attempt is over
KILLS = 5
ATTEMPTS = 3  # that end with a failure reject a log


@pytest.mark.parametrize("away", [0.0, AWAY])
def test_a_killed_postgresql_costs_an_attempt_and_no_job_or_log(
    away: float, here: Deployment, export: Export, postgres_process: Mortal, ledger: Ledger
):
    random_times = chance(f"postgres {away}")
    for number in range(FEW):
        job = here.ask(here.new_question(export.crash))
        here.holder(job)
        logs = [f"pg-{away:.0f}-{number}-{index}" for index in range(10)]
        taken = [log_id for log_id in logs if here.upload(log_id, kscrash(frame="-[Database go]"))]
        time.sleep(random_times.uniform(0, export.seconds))  # at a random time
        refusals = []
        with postgres_process.away():
            for _ in hold_for(away):
                refusals.append(here.send("GET", "/api/apps"))
        back = time.monotonic()
        until(lambda: here.send("GET", "/api/apps").status == 200, "web to find the database again", 15)
        for log_id in set(logs) - set(taken):
            until(lambda name=log_id: here.upload(name, kscrash(frame="-[Database go]")), "the log to be taken", 15)

        await_jobs(here, [job], RECOVERY)
        await_logs(here, logs, RECOVERY)

        ledger.add(f"PostgreSQL kill -9, {away:.0f} s away", time.monotonic() - back)
        assert {answer.status for answer in refusals} <= {503}
        for answer in refusals:
            assert answer.json == {
                "success": False,
                "status": "unavailable",
                "error_message": answer.json["error_message"],
            }
            assert answer.headers["Retry-After"]
        check_finished(here, job, here.rows, unseen=3)
        check_logs(here, logs)
    check_nothing_left_over(here)


def test_a_postgresql_that_is_killed_in_the_midst_of_digest_after_digest_rejects_no_log(
    here: Deployment, postgres_process: Mortal, ledger: Ledger
):
    logs = [f"insert-{number}" for number in range(5)]
    with slow_digests(here, seconds=3):
        assert all(here.upload(log_id, kscrash(frame="-[Insert go]")) for log_id in logs)
        for _ in range(KILLS):
            until(lambda: _goes_on(here) or _rejected(here), f"a digest to insert: {here.folder}", RECOVERY)
            assert _rejected(here) == []
            here.query("CHECKPOINT")  # the claim is on the disk: it stays when the server dies
            with postgres_process.away():
                time.sleep(0.5)  # how long it is away
    back = time.monotonic()

    until(lambda: not _goes_on(here) and _received(here) == 0, f"the logs to be digested: {here.folder}", RECOVERY)

    ledger.add(f"PostgreSQL kill -9 in {KILLS} digests", time.monotonic() - back)
    check_logs(here, logs)
    tried = here.query("SELECT max(attempt), max(strikes) FROM logs WHERE log_id = ANY(%s)", logs)
    assert tried[0][0] > ATTEMPTS, "some log has met more kills than it may meet failures"
    assert tried[0][1] == 0, "no log has failed"


def _goes_on(here: Deployment) -> bool:
    """A digest is inserting; free logs are made due, for the test waits for no pause."""
    set_due(here)
    return is_inserting(here)


def _received(here: Deployment) -> int:
    return int(here.query("SELECT count(*) FROM logs WHERE status = 'received'")[0][0])


def _rejected(here: Deployment) -> list[tuple[object, ...]]:
    return here.query("SELECT log_id, attempt, strikes, error_message FROM logs WHERE status = 'rejected'")


def test_a_job_that_somebody_was_told_of_outlives_postgresql(
    tmp_path: Path, servers: Servers, postgres_process: Mortal
):
    with deployment(tmp_path, servers, start=False) as made:
        made.add("web")  # and nobody else, whose commits would bring the job's to the disk
        until(lambda: made.send("GET", "/healthz").status == 200, "web to answer")
        log_in(made.http)
        crash = made.long_crash(FEW)
        made.query("ALTER SYSTEM SET wal_writer_delay = '10s'")  # nor does PostgreSQL by itself
        made.query("SELECT pg_reload_conf()")
        try:
            for _ in range(FEW):
                job = made.ask(made.new_question(crash))
                with postgres_process.away():
                    pass

                assert made.query("SELECT state FROM jobs WHERE id = %s", job) == [("queued",)]
                until(lambda: made.send("GET", "/api/apps").status == 200, "web to find the database again", 15)
        finally:
            made.query("ALTER SYSTEM RESET wal_writer_delay")
            made.query("SELECT pg_reload_conf()")
