"""Every occurrence of a crash: from the first request to the last byte."""

import os
import time
from collections.abc import Callable

from bench.client import ask, job_id_of, rows_in
from bench.limits import copy_seconds, loopback_seconds
from bench.measure import Outcome, interleaved
from bench.stand import PEERS, Stand

TITLE = "A long list, first request → last byte"
ORDER = 1
PAUSE = 0.02  # seconds between polls
GRACE = 120.0  # seconds for a list
WARM = 3  # small jobs before the first round


def run(stand: Stand) -> Outcome:
    """crashq, the peers and the limit on the same crash; then crashq alone on shorter and longer ones."""
    outcome = Outcome(
        notes=["Each client drops what it gets, a MiB at a time, after it has looked at one whole answer."]
    )
    rows = stand.size.big[1]
    crash, copied = stand.seed.big[rows], copy_seconds(stand.database, stand.seed.big[rows])[1]
    contestants: dict[str, Callable[[], float]] = {
        stand.system(name).title: _listing(stand, name, crash, rows) for name in ("crashq", *PEERS)
    }
    copy = f"COPY of the rows as JSON text ({copied / 1e6:.0f} MB)"
    contestants[copy] = lambda: copy_seconds(stand.database, crash)[0]
    loopback = "the same bytes over loopback"
    contestants[loopback] = lambda: loopback_seconds(copied)
    found = interleaved(stand.size.rounds, contestants)
    middle = outcome.add("s", {f"{name}, {rows:,} rows": values for name, values in found.items()})
    crashq, usual, limit, wire = (
        middle[f"{name}, {rows:,} rows"]
        for name in ("crashq", stand.system("celery").title, copy, loopback)
    )  # fmt: skip
    outcome.target("faster than the usual way", usual / crashq, 7, at_most=False)
    outcome.target("of COPY plus loopback", crashq / (limit + wire), 1.6)
    _growth(stand, outcome)
    return outcome


def _growth(stand: Stand, outcome: Outcome) -> None:
    """Sizes that are compared are measured in turn, too."""
    measured = {
        f"crashq alone, {rows:,} rows": _listing(stand, "crashq", crash, rows)
        for rows, crash in stand.seed.big.items()
    }  # fmt: skip
    middle = outcome.add("s", interleaved(min(stand.size.rounds, 3), measured))
    per_row = {rows: seconds / rows for rows, seconds in zip(stand.seed.big, middle.values(), strict=True)}
    common = stand.size.big[1]
    for rows in (rows for rows in per_row if rows > common):
        outcome.target(f"seconds per row, {rows:,} : {common:,}", per_row[rows] / per_row[common], 1.2)


def _listing(stand: Stand, name: str, crash: str, rows: int) -> Callable[[], float]:
    system = stand.system(name)
    connection = system.connect()
    for small in system.fresh(stand.seed, WARM):
        ask(connection, *system.question(small), PAUSE)
    whole = ask(connection, *system.question(crash), PAUSE, GRACE)  # looked at once, and only its length from then on
    if rows_in(whole) != rows:
        raise RuntimeError(f"{system.title} answered with {rows_in(whole):,} rows of {rows:,}")
    length = whole.length
    system.forget(connection, job_id_of(whole))
    del whole

    def once() -> float:
        started = time.perf_counter()
        reply = ask(connection, *system.question(crash), PAUSE, GRACE, keep=False)
        seconds = time.perf_counter() - started
        if reply.length != length:
            raise RuntimeError(f"{system.title} answered with {reply.length:,} bytes instead of {length:,}")
        system.forget(connection, job_id_of(reply))
        os.sync()  # what one leaves to the disk is not the next one's to wait for
        return seconds

    return once
