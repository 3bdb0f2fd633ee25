"""A crash in figures: from the first request to the figures, of crashes of every size."""

import os
import time
from collections.abc import Callable

from bench.client import ask, job_id_of
from bench.measure import Outcome, interleaved
from bench.stand import Stand

TITLE = "Statistics, first request → figures"
ORDER = 8
PAUSE = 0.002  # seconds between polls
DAYS = "since_date=2018-09-13&until_date=2018-12-11"  # 90, from the first occurrence on
PAGE = 50  # crashes of a page
LONGEST = 60.0  # milliseconds


def run(stand: Stand) -> Outcome:
    """A crash of each size, and a page of crashes of which one has that size; sizes are measured in turn."""
    outcome = Outcome(notes=["No occurrence names a user. A page's other crashes have ten occurrences each."])
    others = stand.system("crashq").fresh(stand.seed, PAGE - 1)
    pages = {rows: ",".join([crash, *others]) for rows, crash in stand.seed.big.items()}
    alone = {
        f"a crash of {rows:,} rows": f"/api/crashes/{crash}/statistics?{DAYS}" for rows, crash in stand.seed.big.items()
    }
    _compare(stand, outcome, alone)
    of_app = f"/api/apps/{stand.made.app}/crashes/statistics?{DAYS}&crashes="
    _compare(stand, outcome, {f"{PAGE} crashes, one of {rows:,} rows": of_app + named for rows, named in pages.items()})
    return outcome


def _compare(stand: Stand, outcome: Outcome, paths: dict[str, str]) -> None:
    contestants = {what: _figures(stand, path) for what, path in paths.items()}
    middle = outcome.add("ms", interleaved(stand.size.rounds, contestants))
    first, *larger = middle
    for what in larger:
        outcome.target(f"{what} : {first}", middle[what] / middle[first], 1.5)
        outcome.target(what, middle[what], LONGEST, unit="ms")


def _figures(stand: Stand, path: str) -> Callable[[], float]:
    system = stand.system("crashq")
    connection = system.connect()

    def once() -> float:
        started = time.perf_counter()
        reply = ask(connection, path, path, PAUSE)
        milliseconds = 1000 * (time.perf_counter() - started)
        system.forget(connection, job_id_of(reply))
        os.sync()  # what one leaves to the disk is not the next one's to wait for
        return milliseconds

    once()  # a worker's first one is slower
    return once
