"""Messages that come twice or thrice, and two beats: what is done is done once."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from tests.factories import kscrash
from tests.faults.conftest import RECOVERY, Export
from tests.faults.deployment import Deployment
from tests.faults.ledger import FEW, Ledger
from tests.faults.promises import (
    await_jobs,
    await_logs,
    check_finished,
    check_logs,
    check_nothing_left_over,
    lines,
)
from tests.system.conftest import until

JOBS, LOGS = 8, 20


@contextmanager
def workers_asleep(here: Deployment) -> Iterator[None]:
    """No worker takes a message while the block runs."""
    workers = [part for name, part in here.parts.items() if name.startswith("worker")]
    for part in workers:
        part.signal(signal.SIGSTOP)
    try:
        with here.redis() as client:  # what a sleeping worker still waits for would go to it
            until(lambda: client.info("clients")["blocked_clients"] == 0, "the workers' pops to time out")
        yield
    finally:
        for part in workers:
            part.signal(signal.SIGCONT)


def test_every_message_delivered_thrice_is_worked_on_once(here: Deployment, export: Export, ledger: Ledger):
    for number in range(FEW):
        with workers_asleep(here):
            pages = [
                f"/api/crashes/{export.crash}/occurrences?per_page=10&page={number * JOBS + n + 1}" for n in range(JOBS)
            ]
            jobs = [here.ask(page) for page in pages]
            logs = [f"twice-{number}-{index}" for index in range(LOGS)]
            assert all(here.upload(log_id, kscrash(frame="-[Twice go]")) for log_id in logs)
            _enqueue_each(here, logs)
            copied = _copy_every_message(here)
        started = time.monotonic()

        await_jobs(here, jobs, RECOVERY)
        await_logs(here, logs, RECOVERY)
        until(lambda: _queued(here) == 0, "the copies to be taken")

        ledger.add("every message delivered three times", time.monotonic() - started)
        assert copied >= JOBS + LOGS - 4  # but those that two sleeping workers had taken
        for job in jobs:
            check_finished(here, job, 10)
        assert here.query("SELECT max(attempt) FROM jobs WHERE id = ANY(%s)", jobs) == [(1,)]
        check_logs(here, logs)
    check_nothing_left_over(here)


def test_a_second_beat_changes_nothing(here: Deployment, export: Export, ledger: Ledger):
    second = here.add("beat2")
    try:
        for number in range(FEW):
            started = time.monotonic()
            job = here.ask(here.new_question(export.crash))
            logs = [f"beats-{number}-{index}" for index in range(LOGS)]
            with here.redis() as client:
                for log_id in logs:
                    assert here.upload(log_id, kscrash(frame="-[Beats go]"))
                client.flushall()

            await_jobs(here, [job], RECOVERY)
            await_logs(here, logs, RECOVERY)

            ledger.add("two beats, Redis FLUSHALL", time.monotonic() - started)
            check_finished(here, job, here.rows)
            check_logs(here, logs)
    finally:
        second.kill()
        del here.parts["beat2"]
    check_nothing_left_over(here)


def test_a_message_for_what_is_done_or_never_was_is_dropped(here: Deployment, export: Export):
    job = here.ask(f"/api/crashes/{export.crash}/occurrences?per_page=7&page=999")
    await_jobs(here, [job], RECOVERY)
    with here.redis() as client:
        for job_id in (job, "0" * 24):
            client.lpush("crashq:short", _message("run_job", job_id, "short"))
        client.lpush("crashq:ingest", _message("digest_log", "999999999", "ingest"))
    until(lambda: _queued(here) == 0, "the stale messages to be taken")
    later = here.ask(f"/api/crashes/{export.crash}/occurrences?per_page=7&page=1")
    await_jobs(here, [later], RECOVERY)

    assert here.query("SELECT attempt, state FROM jobs WHERE id = %s", job) == [(1, "finished")]
    assert sum(line["job"] == job for line in lines(here, "job_started")) == 1


def _enqueue_each(here: Deployment, logs: list[str]) -> None:
    """Enqueue each log, as the sweep does; the web sends one message for several logs."""
    rows = here.query("SELECT id FROM logs WHERE log_id = ANY(%s)", logs)
    with here.redis() as client:
        for [row_id] in rows:
            client.lpush("crashq:ingest", _message("digest_log", str(row_id), "ingest"))


def _copy_every_message(here: Deployment) -> int:
    """Put two copies of each waiting message behind it: one as it is, one with another delivery tag."""
    copied = 0
    with here.redis() as client:
        for key in _queues(here):
            for raw in client.lrange(key, 0, -1):
                message = json.loads(raw)
                message["properties"]["delivery_tag"] = str(uuid4())
                client.lpush(key, raw, json.dumps(message))
                copied += 1
    return copied


def _queues(here: Deployment) -> list[bytes]:
    with here.redis() as client:
        return [key for key in client.keys("crashq:*") if client.type(key) == b"list"]


def _queued(here: Deployment) -> int:
    with here.redis() as client:
        return sum(client.llen(key) for key in _queues(here) if b"upkeep" not in key)


def _message(task: str, row_id: str, queue: str) -> str:
    """A task message as kombu writes it."""
    number = str(uuid4())
    return json.dumps(
        {
            "body": json.dumps([[row_id], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {"lang": "py", "task": task, "id": number, "root_id": number, "retries": 0, "ignore_result": True},
            "properties": {
                "correlation_id": number, "delivery_mode": 2, "delivery_tag": str(uuid4()), "priority": 0,
                "delivery_info": {"exchange": "", "routing_key": queue}, "body_encoding": "utf-8",
            },
        }
    )  # fmt: skip
