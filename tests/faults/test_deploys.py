"""SIGTERM in the midst of work: a worker hands back what it cannot finish, web answers what it has begun."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults.conftest import RECOVERY, Export
from tests.faults.deployment import Deployment, Servers, deployment
from tests.faults.ledger import Ledger
from tests.faults.promises import await_jobs, check_finished, check_nothing_left_over
from tests.faults.sitecustomize_lines import at_start
from tests.system.conftest import log_in, until

SOFT_SHUTDOWN = 10  # seconds, of workers/celery.py
ROWS = 1_000

# Python runs this at the start of the slow worker's processes.
SLOW = """
import time
from dataclasses import replace
from app.jobs import JOB_TYPES

def slowly(params, run, compute=JOB_TYPES["occurrences"].compute):
    for _ in range(600):
        run.advance(0)
        time.sleep(0.1)
    return compute(params, run)

JOB_TYPES["occurrences"] = replace(JOB_TYPES["occurrences"], compute=slowly)
"""


def test_a_worker_told_to_stop_hands_back_what_it_cannot_finish_and_no_failure_is_counted(
    servers: Servers, tmp_path: Path, ledger: Ledger
):
    with deployment(tmp_path, servers, start=False) as here:
        here.add("web")
        here.add("worker1", **at_start(tmp_path, SLOW))
        here.add("beat")
        here.await_ready()
        log_in(here.http)
        job = here.ask(here.new_question(here.long_crash(ROWS)))
        assert here.holder(job) == "worker1"
        here.add("worker2")

        process = here["worker1"].process
        assert process
        process.terminate()
        told = time.monotonic()
        await_jobs(here, [job], SOFT_SHUTDOWN + RECOVERY)
        ledger.add("worker told to stop in mid-job", time.monotonic() - told)
        until(lambda: process.poll() is not None, "the worker to end")

        assert here.query("SELECT state, attempt, strikes FROM jobs WHERE id = %s", job) == [("finished", 2, 0)]
        check_finished(here, job, ROWS)
        check_nothing_left_over(here)


def test_web_told_to_stop_answers_what_it_has_begun(here: Deployment, export: Export):
    question = here.new_question(export.crash)
    await_jobs(here, [here.ask(question)], RECOVERY)
    process = here["web"].process
    assert process
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(here.http.send, "GET", here.new_question(export.crash), None, Prefer="wait=20")
        until(lambda: here.query("SELECT 1 FROM jobs WHERE state = 'running'"), "the job that is waited for to run")
        process.terminate()
        answer = held.result(60)
    until(lambda: process.poll() is not None, "web to end")
    here["web"].start()
    here.await_ready()

    assert answer.status == 200
    assert answer.json["loading"] == [False]
    assert len(answer.json["result"]) == here.rows
