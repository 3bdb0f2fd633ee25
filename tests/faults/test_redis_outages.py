"""Redis emptied, killed, away and frozen: nothing is lost, and web answers within a second all the while."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.factories import kscrash
from tests.faults.conftest import RECOVERY, Export
from tests.faults.deployment import Deployment
from tests.faults.ledger import FEW, IS_SOAK, ROUNDS, Ledger, chance
from tests.faults.mortal import Mortal, hold_for
from tests.faults.promises import await_jobs, await_logs, check_finished, check_logs, check_nothing_left_over
from tests.system.conftest import until

AWAY = 60.0 if IS_SOAK else 5.0  # seconds
FROZEN = 30.0 if IS_SOAK else 5.0  # seconds
LONG_ROUNDS = min(ROUNDS, 3) if IS_SOAK else 1  # of the cases that wait for AWAY or FROZEN
STILL_AWAY = 5.0  # seconds after the end of a job: for longer than its worker tries to tell Redis of it
RECONNECT = 15.0  # seconds; a worker that has lost Redis tries again every 2 to 5 s
PACE = 0.25  # seconds between a client's requests


@contextmanager
def work(
    here: Deployment, crash: str, name: str, ledger: Ledger, grace: float
) -> Iterator[tuple[list[str], list[str]]]:
    """A running export and ten logs; what the block adds to (jobs, logs) has to be done with them after it."""
    jobs, logs = [here.ask(here.new_question(crash))], []
    for number in range(10):
        log_id = f"{name.replace(' ', '-')}-{time.monotonic_ns()}-{number}"
        if here.upload(log_id, kscrash(frame=f"-[Redis{number % 3} go]")):
            logs.append(log_id)
    yield jobs, logs
    over = time.monotonic()
    await_jobs(here, jobs, grace)
    await_logs(here, logs, grace)
    ledger.add(name, time.monotonic() - over)
    for job in jobs:
        check_finished(here, job, here.rows)
    check_logs(here, logs)


def test_an_emptied_redis_loses_nothing(here: Deployment, export: Export, ledger: Ledger):
    random_times = chance("flushall")
    for _ in range(ROUNDS):
        with work(here, export.crash, "Redis FLUSHALL", ledger, RECOVERY), here.redis() as client:
            time.sleep(random_times.uniform(0, export.seconds))  # at a random time
            client.flushall()
    check_nothing_left_over(here)


def test_a_killed_redis_that_comes_back_empty_loses_nothing(
    here: Deployment, export: Export, redis_process: Mortal, ledger: Ledger
):
    random_times = chance("redis killed")
    for _ in range(ROUNDS):
        with work(here, export.crash, "Redis kill -9, restart empty", ledger, RECOVERY + RECONNECT):
            time.sleep(random_times.uniform(0, export.seconds))  # at a random time
            with redis_process.away():
                pass
    check_nothing_left_over(here)


def test_workers_whose_jobs_end_while_redis_is_away_receive_the_next_message(
    here: Deployment, export: Export, redis_process: Mortal, ledger: Ledger
):
    with redis_process.away():  # a worker that has found Redis again behaves otherwise than a new one
        pass
    await_jobs(here, [here.ask(here.new_question(export.crash)) for _ in range(4)], RECOVERY + RECONNECT)
    for _ in range(FEW):
        jobs = [here.ask(here.new_question(export.crash)) for _ in range(2)]
        until(lambda both=jobs: {here.state(job) for job in both} == {"running"}, "both workers to have a job")
        with redis_process.away():
            await_jobs(here, jobs, RECOVERY)
            time.sleep(STILL_AWAY)  # the fault's length
        back = time.monotonic()
        later = [here.ask(here.new_question(export.crash)) for _ in range(2)]

        await_jobs(here, later, RECOVERY + RECONNECT)

        ledger.add("jobs end while Redis is away: the next ones", time.monotonic() - back)
        for job in (*jobs, *later):
            check_finished(here, job, here.rows)
    check_nothing_left_over(here)


def test_web_answers_within_a_second_while_redis_is_away_and_all_is_done_after_it(
    here: Deployment, export: Export, redis_process: Mortal, ledger: Ledger
):
    for _ in range(LONG_ROUNDS):
        with work(here, export.crash, f"Redis {AWAY:.0f} s away", ledger, RECOVERY + RECONNECT) as (jobs, logs):
            with redis_process.away():
                slowest = _use_the_service(here, export.crash, AWAY, jobs, logs)
            ledger.add(f"web's slowest answer, Redis {AWAY:.0f} s away", slowest)
        assert slowest < 1


def test_web_answers_within_a_second_while_redis_is_frozen_and_all_is_done_after_it(
    here: Deployment, export: Export, redis_process: Mortal, ledger: Ledger
):
    for _ in range(LONG_ROUNDS):
        with work(here, export.crash, f"Redis {FROZEN:.0f} s frozen", ledger, RECOVERY + RECONNECT) as (jobs, logs):
            with redis_process.frozen():
                slowest = _use_the_service(here, export.crash, FROZEN, jobs, logs)
            ledger.add(f"web's slowest answer, Redis {FROZEN:.0f} s frozen", slowest)
        assert slowest < 1


def _use_the_service(here: Deployment, crash: str, seconds: float, jobs: list[str], logs: list[str]) -> float:
    """Ask two new questions, poll the first, upload logs; returns the slowest answer in seconds."""
    slowest, questions = 0.0, [here.new_question(crash), here.new_question(crash)]
    for passed in hold_for(seconds):
        log_id = f"meanwhile-{time.monotonic_ns()}"
        sent = here.send("POST", f"/api/apps/{here.app}/logs?log_id={log_id}", kscrash(frame="-[Meanwhile go]"))
        asked = here.send("GET", questions[passed > seconds / 2])
        assert (sent.status, asked.status) == (202, 200)
        slowest = max(slowest, sent.seconds, asked.seconds)
        logs.append(log_id)
        if asked.json["job_id"] not in jobs:
            jobs.append(asked.json["job_id"])
        time.sleep(PACE)
    return slowest
