"""A batch of one crash as CSV: the same parts made by one, two and four workers."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import Any

from bench import subject
from bench.client import is_loading
from bench.measure import Outcome, interleaved
from bench.stand import Stand
from bench.system import System

TITLE = "A batch of a crash, first request → manifest, by number of workers"
ORDER = 8
WORKERS = (1, 2, 4)
PAUSE = 0.05  # seconds between polls
GRACE = 300.0  # seconds

_questions = count()


def run(stand: Stand) -> Outcome:
    """Each number of workers in a deployment of its own, one after the other: they would take each other's parts."""
    outcome = Outcome(notes=["Parts of 20,000 occurrences; more workers than processors gain nothing."])
    rows = stand.size.big[1]
    middle: dict[str, Any] = {}
    for number in WORKERS:
        with _deployed(stand, number) as system:
            name = f"{number} worker{'s' * (number > 1)}, {rows:,} occurrences"
            found = interleaved(min(stand.size.rounds, 3), {name: _export(system, stand.seed.big[rows], rows)})
        middle |= outcome.add("s", found)
    one, two = list(middle.values())[:2]
    outcome.target("two workers faster than one", one / two, 1.4, at_most=False)
    return outcome


@contextmanager
def _deployed(stand: Stand, workers: int) -> Iterator[System]:
    folder = stand.folder / f"batch-{workers}-{next(_questions)}"
    folder.mkdir()
    environ = {
        **stand.made.environ,
        "CRASHQ_REDIS_PREFIX": f"batch{workers}:",
        "CRASHQ_WORKER_CONCURRENCY": str(workers),
        "CRASHQ_LONG_JOBS_AT_ONCE": str(workers),
    }
    system = subject.crashq(folder, replace(stand.made, environ=environ))
    try:
        yield system
    finally:
        system.stop()


def _export(system: System, crash: str, rows: int) -> Callable[[], float]:
    connection = system.connect()

    def once() -> float:
        until = time.strftime("2100-01-01T%H:%M:%SZ", time.gmtime(next(_questions)))  # asked by nobody before
        request = connection.request(
            "POST", f"/api/crashes/{crash}/exports", json.dumps({"format": "csv", "until_date": until}).encode()
        )
        started = time.perf_counter()
        while is_loading(reply := connection.send(request)):
            if time.perf_counter() - started > GRACE:
                raise TimeoutError(f"the batch still loads after {GRACE:.0f} s")
            time.sleep(PAUSE)
        seconds = time.perf_counter() - started
        if (reply.json["result"]["rows"], reply.json["result"]["complete"]) != (rows, True):
            raise RuntimeError(f"the batch holds {reply.json['result']['rows']:,} rows of {rows:,}")
        return seconds

    return once
