"""One small job at a time: from the request to the finished list."""

import time
from collections.abc import Callable
from statistics import median

from bench.client import ask, is_loading, rows_in
from bench.limits import BareCelery
from bench.measure import Outcome, interleaved
from bench.seed import SMALL_ROWS
from bench.stand import PEERS, Stand

TITLE = "One small job, request → finished"
ORDER = 3
PAUSE = 0.001  # seconds between polls
WARM = 5  # jobs before the first round


def run(stand: Stand) -> Outcome:
    """Medians of some jobs per round, one after the other, on an otherwise idle machine."""
    outcome = Outcome(notes=[f"Polled every {PAUSE * 1000:.0f} ms; each job is of another crash."])
    contestants = {stand.system(name).title: _jobs(stand, name) for name in ("crashq", *PEERS)}
    waiting, bare = "crashq, Prefer: wait=5", "bare Celery round trip"
    contestants[waiting] = _jobs(stand, "crashq", Prefer="wait=5")
    celery = BareCelery(stand.system("celery").redis_url)
    celery.round_trip(WARM)
    contestants[bare] = lambda: celery.round_trip(stand.size.jobs) * 1_000
    middle = outcome.add("ms", interleaved(stand.size.rounds, contestants))
    usual = middle[stand.system("celery").title]
    outcome.target("of the usual way's", middle["crashq"] / usual, 1.2)
    outcome.target("of a bare Celery round trip, with Prefer: wait", middle[waiting] / middle[bare], 2)
    return outcome


def _jobs(stand: Stand, name: str, **headers: str) -> Callable[[], float]:
    system = stand.system(name)
    connection = system.connect()

    def one(crash: str) -> float:
        path, poll_path = system.question(crash)
        started = time.perf_counter()
        reply = connection.get(path, **headers) if headers else ask(connection, path, poll_path, PAUSE)
        seconds = time.perf_counter() - started
        if is_loading(reply) or rows_in(reply) != SMALL_ROWS:
            raise RuntimeError(f"{system.title} has not finished, or not with {SMALL_ROWS} rows")
        return seconds * 1_000

    for crash in system.fresh(stand.seed, WARM):
        one(crash)
    return lambda: median(one(crash) for crash in system.fresh(stand.seed, stand.size.jobs))
