"""kill -9 of workers in the midst of a batch: the same bytes as an undisturbed one, and no part made twice."""

import hashlib
import time
from collections import Counter

import pytest

from tests.faults.conftest import RECOVERY, Export
from tests.faults.deployment import Deployment
from tests.faults.ledger import ROUNDS, Ledger, chance
from tests.faults.promises import await_jobs, check_finished, check_nothing_left_over, job_objects, lines, read_object
from tests.faults.test_kills import kill_child, kill_group
from tests.system.conftest import until

KILLS = {"worker child": kill_child, "worker parent": kill_group}
PARTS = "SELECT number, attempt, rows, size, sha256, key FROM job_parts WHERE job_id = %s ORDER BY number"


def stored(here: Deployment, job: str) -> list[tuple[int, str]]:
    """(rows, sha256) of every part in its order, each as the store has it."""
    found = []
    for _, _, rows, size, sha256, key in here.query(PARTS, job):
        content = read_object(here, key)
        assert (len(content), hashlib.sha256(content).hexdigest()) == (size, sha256)
        found.append((rows, sha256))
    return found


def parts_done(here: Deployment, job: str) -> int:
    return int(here.query("SELECT count(*) FROM job_parts WHERE job_id = %s AND state = 'done'", job)[0][0])


@pytest.mark.parametrize("victim", KILLS)
def test_a_batch_has_the_same_bytes_whatever_process_is_killed_in_its_midst(
    victim: str, here: Deployment, export: Export, ledger: Ledger
):
    random_times = chance(f"batch {victim}")
    calm = here.ask_batch(export.crash, format="csv", until_date="2099-01-01")
    await_jobs(here, [calm], RECOVERY)
    wanted = stored(here, calm)
    assert sum(rows for rows, _ in wanted) == here.rows
    for number in range(ROUNDS):
        question = {"format": "csv", "until_date": f"2099-01-02T{victim.count('c'):02d}:{number:02d}Z"}
        job = here.ask_batch(export.crash, **question)
        after = random_times.randrange(1, len(wanted) - 2)  # at a random time
        until(lambda job=job, after=after: parts_done(here, job) >= after, f"{after} parts")
        time.sleep(random_times.uniform(0, 0.2))
        killed = time.monotonic()
        for worker in ("worker1", "worker2"):
            KILLS[victim](here, worker)

        await_jobs(here, [job], RECOVERY)

        ledger.add(f"kill -9 of every {victim}, batch", time.monotonic() - killed)
        check_finished(here, job, None, unseen=1)
        assert stored(here, job) == wanted
        check_runs(here, job)
        kept = {key for *_, key in here.query(PARTS, job)}
        kept |= {key for (key,) in here.query("SELECT result_key FROM jobs WHERE id = %s", job)}
        assert {key for key in job_objects(here) if key.split("/")[1] == job} == kept
    check_nothing_left_over(here)


def check_runs(here: Deployment, job: str) -> None:
    """No attempt at a part ran twice, none ran after the part was finished, and a part is finished once."""
    started = [(line["part"], line["attempt"]) for line in lines(here, "part_started") if line["job"] == job]
    finished = [(line["part"], line["attempt"]) for line in lines(here, "part_finished") if line["job"] == job]
    row = {number: attempt for number, attempt, *_ in here.query(PARTS, job)}
    assert set(Counter(started).values()) <= {1}
    assert set(Counter(part for part, _ in finished).values()) <= {1}
    assert all(attempt == row[part] for part, attempt in finished), "a part was done again after it was finished"
    assert all(attempt <= row[part] for part, attempt in started)
    assert sum(row.values()) <= len(row) + 2, "more parts were begun again than workers were killed"
