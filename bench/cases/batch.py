"""A batch of one crash with all columns: beside COPY and the usual way, format by format; then by two and four workers."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import Any

from bench import subject
from bench.client import ask, is_loading, job_id_of
from bench.limits import copy_rows_seconds
from bench.measure import Outcome, interleaved
from bench.peers.adbc import parquet_seconds
from bench.stand import Stand
from bench.system import System

TITLE = "A batch of a crash with all columns, first request → manifest"
ORDER = 8
FORMATS = ("csv", "ndjson")
MORE_WORKERS = (2, 4)
PAUSE = 0.05  # seconds between polls
GRACE = 300.0  # seconds

_questions = count()


def run(stand: Stand) -> Outcome:
    """Each number of workers in a deployment of its own, one after the other: they would take each other's parts."""
    outcome = Outcome(
        notes=[
            "Parts of 100,000 occurrences; more workers than processors gain nothing. COPY drops what it gets; the usual way "
            "is a Celery task with a server-side cursor that writes a file; ADBC is no job, and pyarrow writes."
        ]
    )
    rows = stand.size.big[1]
    crash = stand.seed.big[rows]
    with _deployed(stand, 1) as system:
        for format_name in FORMATS:
            _beside_copy(stand, outcome, system, crash, rows, format_name)
        _parquet(stand, outcome, system, crash, rows)
        alone = {_of(1): _export(system, crash, rows, "csv")}
        middle = outcome.add("s", interleaved(_rounds(stand), alone))
    for number in MORE_WORKERS:
        with _deployed(stand, number) as system:
            found = interleaved(_rounds(stand), {_of(number): _export(system, crash, rows, "csv")})
        middle |= outcome.add("s", found)
    outcome.target("two workers faster than one", middle[_of(1)] / middle[_of(2)], 1.7, at_most=False)
    return outcome


def _beside_copy(stand: Stand, outcome: Outcome, system: System, crash: str, rows: int, format_name: str) -> None:
    named = format_name.upper()
    ours, copy, usual = f"crashq, 1 worker, {named}", f"COPY of the same rows, {named}", f"the usual way, {named}"
    found = interleaved(
        _rounds(stand),
        {
            ours: _export(system, crash, rows, format_name),
            copy: lambda: copy_rows_seconds(stand.database, crash, format_name),
            usual: _usual(stand, crash, rows, format_name),
        },
    )
    middle = outcome.add("s", found)
    outcome.target(f"of COPY, {named}", middle[ours] / middle[copy], 2)
    outcome.target(f"faster than the usual way, {named}", middle[usual] / middle[ours], 3, at_most=False)


def _parquet(stand: Stand, outcome: Outcome, system: System, crash: str, rows: int) -> None:
    ours, peer = "crashq, 1 worker, Parquet", "Arrow over ADBC and pyarrow, Parquet"
    target = stand.folder / "adbc.parquet"
    found = interleaved(
        _rounds(stand),
        {
            ours: _export(system, crash, rows, "parquet"),
            peer: lambda: parquet_seconds(stand.database, crash, target),
        },
    )
    middle = outcome.add("s", found)
    outcome.target("of Arrow over ADBC, Parquet", middle[ours] / middle[peer], 1.5)


def _rounds(stand: Stand) -> int:
    return min(stand.size.rounds, 3)


def _of(workers: int) -> str:
    return f"crashq, {workers} worker{'s' * (workers > 1)}, CSV, one after the other"


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


def _export(system: System, crash: str, rows: int, format_name: str) -> Callable[[], float]:
    connection = system.connect()

    def once() -> float:
        until = time.strftime("2100-01-01T%H:%M:%SZ", time.gmtime(next(_questions)))  # asked by nobody before
        asked: dict[str, Any] = {"format": format_name, "until_date": until}
        request = connection.request("POST", f"/api/crashes/{crash}/exports", json.dumps(asked).encode())
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


def _usual(stand: Stand, crash: str, rows: int, format_name: str) -> Callable[[], float]:
    system = stand.system("celery")
    connection, path = system.connect(), f"/api/crashes/{crash}/exports?format={format_name}"

    def once() -> float:
        started = time.perf_counter()
        reply = ask(connection, path, f"{path}&job_id={{job_id}}", PAUSE, GRACE)
        seconds = time.perf_counter() - started
        if reply.json["result"]["rows"] != rows:
            raise RuntimeError(f"the usual way has written {reply.json['result']['rows']:,} rows of {rows:,}")
        system.forget(connection, job_id_of(reply))
        return seconds

    return once
