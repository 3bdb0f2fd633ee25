"""kill -9 and SIGSTOP of each part at random times of a running export and of a running ingest."""

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.factories import kscrash
from tests.faults.conftest import RECOVERY, Export
from tests.faults.deployment import Deployment, Servers, deployment
from tests.faults.ledger import IS_SOAK, ROUNDS, Ledger, chance
from tests.faults.promises import (
    await_jobs,
    await_logs,
    check_failed,
    check_finished,
    check_logs,
    check_nothing_left_over,
    job_objects,
)
from tests.system.conftest import until

LOGS = 60  # of one ingest
KILLS_IN_A_ROW = int(os.environ.get("CRASHQ_KILLS") or (1_000 if IS_SOAK else 20))  # about ten a second
CHILDREN = 4  # of each worker; one that was killed is replaced within 5 s
MANY_ROWS = 5_000  # of the jobs among many kills


def kill_child(here: Deployment, worker: str) -> None:
    here[worker].kill_children()


def kill_group(here: Deployment, worker: str) -> None:
    here[worker].kill()
    here[worker].start()


def kill_beat(here: Deployment, _worker: str) -> None:
    here["beat"].kill()
    here["beat"].start()


def kill_web(here: Deployment, _worker: str) -> None:
    here["web"].kill()
    here["web"].start()


KILLS: dict[str, Callable[[Deployment, str], None]] = {
    "worker child": kill_child, "worker parent": kill_group, "beat": kill_beat, "web": kill_web,
}  # fmt: skip


@pytest.mark.parametrize("victim", KILLS)
def test_an_export_ends_whole_whatever_process_is_killed_in_its_midst(
    victim: str, here: Deployment, export: Export, ledger: Ledger
):
    random_times = chance(f"export {victim}")
    for _ in range(ROUNDS):
        question = here.new_question(export.crash)
        job = here.ask(question)
        worker = here.holder(job)
        time.sleep(random_times.uniform(0, export.seconds))  # at a random time
        killed = time.monotonic()
        KILLS[victim](here, worker)

        await_jobs(here, [job], RECOVERY)

        ledger.add(f"kill -9 of {victim}, export", time.monotonic() - killed)
        check_finished(here, job, here.rows, unseen=1)
        assert until(lambda path=question: here.send("GET", path).status == 200, "web to answer")
    check_nothing_left_over(here)


def test_every_log_with_a_202_is_digested_once_whatever_process_is_killed_meanwhile(here: Deployment, ledger: Ledger):
    random_times = chance("ingest")
    accepted: list[str] = []
    kills: list[tuple[str, list[str], datetime]] = []
    for number in range(ROUNDS):
        for victim, kill in KILLS.items():
            names = [f"{victim.replace(' ', '-')}-{number}-{index}" for index in range(LOGS)]
            with ThreadPoolExecutor(4) as pool:
                sent = [pool.submit(send_until_taken, here, name) for name in names]
                sent[0].result()
                time.sleep(random_times.uniform(0, 0.5))  # at a random time
                kill(here, random_times.choice(["worker1", "worker2"]))
                kills.append((f"kill -9 of {victim}, ingest", names, datetime.now(UTC)))
            accepted += names

    await_logs(here, accepted, RECOVERY)

    for case, names, killed in kills:
        [(last,)] = here.query("SELECT max(digested_at) FROM logs WHERE log_id = ANY(%s)", names)
        ledger.add(case, max((last - killed).total_seconds(), 0.0))
    check_logs(here, accepted)


def test_many_kills_in_a_row_lose_and_double_no_log_and_let_every_job_end(
    servers: Servers, tmp_path: Path, ledger: Ledger
):
    random_times = chance("many kills")
    accepted: list[str] = []
    jobs: list[str] = []
    killed: set[int] = set()
    with deployment(tmp_path, servers, CRASHQ_WORKER_CONCURRENCY=str(CHILDREN)) as here:
        crash = here.long_crash(MANY_ROWS)
        while len(killed) < KILLS_IN_A_ROW:
            for index in range(3):
                accepted.append(f"many-kills-{len(accepted)}-{index}")
                send_until_taken(here, accepted[-1])
            if len(jobs) < len(killed) / 10:
                jobs.append(here.ask(f"/api/crashes/{crash}/occurrences?page=1&per_page={len(jobs) + 1}"))
            living = until(lambda: [*here["worker1"].children(), *here["worker2"].children()], "a process", RECOVERY)
            for pid in random_times.sample(living, -(-len(living) // 2)):  # the others work meanwhile
                time.sleep(random_times.uniform(0, 0.1))  # at a random time
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed.add(pid)

        last = time.monotonic()
        await_logs(here, accepted, RECOVERY)
        await_jobs(here, jobs, RECOVERY)

        ledger.add(f"{KILLS_IN_A_ROW} kills -9 of worker children in a row", time.monotonic() - last)
        check_logs(here, accepted)


def send_until_taken(here: Deployment, name: str) -> None:
    """Send a log again until it gets its 202, as a client does."""
    frame = f"-[Page{name[-1]} tapped:]"  # ten crashes, so that digests meet in the same rows
    until(lambda: here.upload(name, kscrash(frame=frame)), f"{name} to be taken", 30)


def test_a_worker_that_slept_past_its_lease_publishes_nothing(here: Deployment, export: Export, ledger: Ledger):
    random_times = chance("frozen worker")
    for _ in range(ROUNDS):
        job = here.ask(here.new_question(export.crash))
        worker = here.holder(job)
        time.sleep(random_times.uniform(0, export.seconds / 2))  # at a random time
        here[worker].signal(signal.SIGSTOP)
        stopped = time.monotonic()
        try:
            if here.state(job) == "finished":
                continue  # it was quicker than the signal
            await_jobs(here, [job], RECOVERY)
            ledger.add("worker frozen past its lease", time.monotonic() - stopped)
            [before] = here.query("SELECT attempt, result_key, result_sha256, finished_at FROM jobs WHERE id = %s", job)
        finally:
            here[worker].signal(signal.SIGCONT)

        until(lambda late=job: _only_folder(here, late), "the late attempt to remove its files", 30)

        assert here.query("SELECT attempt, result_key, result_sha256, finished_at FROM jobs WHERE id = %s", job) == [
            before
        ]
        assert before[0] == 2
        check_finished(here, job, here.rows)
    check_nothing_left_over(here)


def test_a_job_that_kills_its_worker_every_time_ends_with_its_reason(here: Deployment, export: Export, ledger: Ledger):
    job = here.ask(here.new_question(export.crash))
    started = time.monotonic()
    kills = 0
    for attempt in (1, 2, 3):
        here[here.holder(job, attempt, RECOVERY)].kill_children()
        kills += 1

    await_jobs(here, [job], RECOVERY)

    ledger.add("job that kills its worker every time", time.monotonic() - started)
    reason = check_failed(here, job, unseen=kills)
    assert "3 " in reason
    assert here.send("GET", f"/api/jobs/{job}").json["result"]["attempts"] == 3
    check_nothing_left_over(here)


def _only_folder(here: Deployment, job: str) -> bool:
    folders = {key.split("/")[2] for key in job_objects(here) if key.split("/")[1] == job}
    return {folder.partition("-")[0] for folder in folders} == {"2"}
