"""Sending what is finished: a long list again, against the server's own way to send a file."""

import time
from collections.abc import Callable

from bench.client import Connection, ask, rows_in
from bench.measure import Outcome, interleaved
from bench.stand import FILE_SIZE, Stand

TITLE = "Sending a finished long result"
ORDER = 7
PAUSE = 0.02  # seconds between polls until it is finished


def run(stand: Stand) -> Outcome:
    """The finished list from crashq, and `send_file` of a file from a Flask view on the same server."""
    outcome = Outcome(notes=["No target; `send_file` is the limit."])
    system, constant = stand.system("crashq"), stand.system("gunicorn")
    rows = stand.size.big[1]
    connection = system.connect()
    path, _ = system.question(stand.seed.big[rows])
    if (found := rows_in(ask(connection, path, path, PAUSE))) != rows:
        raise RuntimeError(f"{found:,} rows of {rows:,}")
    outcome.add(
        "MB/s",
        interleaved(
            stand.size.rounds,
            {
                f"crashq, {rows:,} rows": _sending(connection, path),
                f"send_file, {FILE_SIZE / 1e6:.0f} MB": _sending(constant.connect(), "/file"),
            },
        ),
    )
    return outcome


def _sending(connection: Connection, path: str) -> Callable[[], float]:
    def once() -> float:
        started = time.perf_counter()
        reply = connection.get(path)
        return len(reply.body) / 1e6 / (time.perf_counter() - started)

    return once
