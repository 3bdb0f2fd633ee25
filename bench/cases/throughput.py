"""Distinct small jobs: how many are finished per second when sixteen clients ask for one after the other."""

import time
from collections.abc import Callable

from bench.client import ask, rows_in
from bench.limits import BareCelery
from bench.load import side_by_side
from bench.measure import Outcome, interleaved
from bench.seed import SMALL_ROWS
from bench.stand import PEERS, Stand

TITLE = "Distinct small jobs finished per second, 16 pollers"
ORDER = 4
CLIENTS = 16
PAUSE = 0.005  # seconds between polls
FASTEST = 1_000  # jobs per second that nobody exceeds: so many crashes are set aside for a round


def run(stand: Stand) -> Outcome:
    """Each client asks for a crash that nobody has asked for, polls until it is finished, and takes the next."""
    outcome = Outcome(notes=[f"{CLIENTS} client processes, {PAUSE * 1000:.0f} ms between polls."])
    contestants = {stand.system(name).title: _asking(stand, name) for name in ("crashq", *PEERS)}
    celery = BareCelery(stand.system("celery").redis_url)
    contestants["bare Celery, pipelined"] = lambda: celery.rate(int(stand.size.seconds * 200))
    middle = outcome.add("jobs/s", interleaved(stand.size.rounds, contestants))
    usual = middle[stand.system("celery").title]
    outcome.target("of the usual way's", middle["crashq"] / usual, 1.2, at_most=False)
    return outcome


def _asking(stand: Stand, name: str) -> Callable[[], float]:
    system = stand.system(name)

    def once() -> float:
        crashes = system.fresh(stand.seed, int(FASTEST * stand.size.seconds))

        def client(index: int) -> float:
            connection, jobs, started = system.connect(), 0, time.perf_counter()
            for crash in crashes[index::CLIENTS]:
                reply = ask(connection, *system.question(crash), PAUSE)
                if rows_in(reply) != SMALL_ROWS:
                    raise RuntimeError(f"{system.title} answered with {rows_in(reply)} rows of {SMALL_ROWS}")
                jobs += 1
                if time.perf_counter() - started > stand.size.seconds:
                    break
            return jobs / (time.perf_counter() - started)

        return sum(side_by_side(CLIENTS, client))

    return once
