"""A batch of 1,000,000 occurrences by a worker that the kernel gives 512 MiB of address space. Only in `make soak`."""

import shutil
import time

import pytest

from tests.faults.deployment import Deployment, deployment
from tests.faults.ledger import IS_SOAK, Ledger
from tests.faults.promises import await_jobs, check_finished
from tests.faults.test_batch_kills import PARTS, stored
from tests.servers import missing
from tests.system.conftest import log_in

ROWS = 1_000_000
LIMIT = 512 * 1024 * 1024  # bytes, of each process of the worker: RLIMIT_AS, beyond which nothing is allocated
THRIFTY = {
    # What is reserved and never used counts as address space too: an arena for each thread, and stacks.
    "MALLOC_ARENA_MAX": "2",
    "TOKIO_WORKER_THREADS": "2",
}

pytestmark = pytest.mark.skipif(not IS_SOAK, reason="takes minutes: `make soak` runs it")


@pytest.fixture
def narrow(servers, tmp_path):
    prlimit = shutil.which("prlimit") or missing("prlimit", "Debian's package util-linux has it")
    with deployment(tmp_path, servers, start=False) as made:
        made.add("web")
        made.add("worker1", prefix=f"{prlimit} --as={LIMIT}", **THRIFTY)
        made.add("beat")
        made.await_ready()
        log_in(made.http)
        yield made


@pytest.mark.parametrize("format_name", ["ndjson", "csv", "parquet"])
def test_a_million_occurrences_are_exported_within_512_mib(narrow: Deployment, ledger: Ledger, format_name: str):
    crash = narrow.long_crash(ROWS)
    started = time.monotonic()

    job = narrow.ask_batch(crash, format=format_name)
    await_jobs(narrow, [job], 600)

    ledger.add(f"1,000,000 occurrences within 512 MiB, {format_name}", time.monotonic() - started)
    check_finished(narrow, job, None)
    assert sum(rows for rows, _ in stored(narrow, job)) == ROWS
    assert {attempt for _, attempt, *_ in narrow.query(PARTS, job)} == {1}
