"""How soon the newest thousand rows of a long list are there, while the rest is still being made."""

import time
from collections.abc import Callable

from bench.client import is_loading, job_id_of, rows_in
from bench.measure import Outcome, interleaved
from bench.stand import Stand

TITLE = "The newest 1,000 rows while a long list is being made"
ORDER = 6
PAUSE = 0.01  # seconds between polls
ENOUGH = 1_000  # rows
AWAITED = 120.0  # seconds
ALLOWED = 0.5  # seconds


def run(stand: Stand) -> Outcome:
    """crashq alone: a peer has no row before it has them all."""
    outcome = Outcome()
    sizes = stand.size.big[1:]
    measured = {f"crashq, {rows:,} rows": _first_rows(stand, stand.seed.big[rows]) for rows in sizes}
    middle = outcome.add("s", interleaved(stand.size.rounds, measured))
    for name, seconds in middle.items():
        outcome.target(name.partition(", ")[2], seconds, ALLOWED, unit="s")
    return outcome


def _first_rows(stand: Stand, crash: str) -> Callable[[], float]:
    system = stand.system("crashq")
    connection = system.connect()
    path, _ = system.question(crash)

    def once() -> float:
        started = time.perf_counter()
        while rows_in(reply := connection.get(path)) < ENOUGH:
            if time.perf_counter() - started > AWAITED:
                raise TimeoutError(f"no rows of {path}")
            time.sleep(PAUSE)
        seconds = time.perf_counter() - started
        while is_loading(reply):
            time.sleep(PAUSE)
            reply = connection.get(path)
        system.forget(connection, job_id_of(reply))
        return seconds

    return once
