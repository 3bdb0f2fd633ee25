"""`python -m bench.simulation`: how long logs wait on a day with a spike, for services of several sizes, by simulation.

Logs arrive at random, by a rate that follows the day; a bad release multiplies it for half an hour. Cores take them in
the order of arrival. `bench/cases/queueing.py` holds the model against a running service.
"""

import heapq
import math
from collections.abc import Iterable, Iterator
from random import Random
from typing import NamedTuple

from bench.measure import percentile

DAY = 86_400.0  # seconds
SWING = 0.8  # the rate goes from 0.2 to 1.8 of its mean
SPIKE_AT, SPIKE_FOR = 18 * 3_600.0, 1_800.0  # seconds of the day: at the busiest hour
PER_CORE = 250.0  # logs a second, taken and digested, with all that belongs to it: RESULTS.md has 526 on two


class Waits(NamedTuple):
    """How a queue went."""

    logs: int
    longest: int  # most logs that waited at once
    middle: float  # seconds that a log waited for its digest to begin
    high: float  # of 95 %
    worst: float
    empty_after: float  # seconds from the last arrival on until nothing waits


class Service(NamedTuple):
    """A day of one service."""

    name: str
    logs: float  # a day
    spike: float  # times the rate
    cores: int


SERVICES = (
    Service("a team, 1 host of 2 cores", 3_300, 100, 2),
    Service("100 apps, 1 host of 2 cores", 330_000, 50, 2),
    Service("the same", 330_000, 200, 2),
    Service("10,000 apps, 10 hosts of 4 cores", 2_700_000, 50, 40),
    Service("the same, 100 hosts", 2_700_000, 50, 400),
)


def simulate(arrivals: Iterable[float], seconds: Iterator[float], processes: int) -> Waits:
    """Let logs arrive at these times, in order, and be digested by so many processes; each takes the next of `seconds`."""
    free_at = [0.0] * processes
    begun: list[float] = []  # when those that wait will begin, the earliest first
    waits, longest, last = [], 0, 0.0
    for at in arrivals:
        begins = max(at, heapq.heappop(free_at))
        heapq.heappush(free_at, begins + next(seconds))
        while begun and begun[0] <= at:
            heapq.heappop(begun)
        if begins > at:
            heapq.heappush(begun, begins)
        longest = max(longest, len(begun))
        waits.append(begins - at)
        last = at
    return Waits(len(waits), longest, percentile(waits, 0.5), percentile(waits, 0.95), max(waits), max(free_at) - last)


def day(logs: float, spike: float, random: Random) -> Iterator[float]:
    """Times of a day at which logs arrive: a Poisson process whose rate has its minimum at six and its maximum at eighteen."""
    mean = logs / DAY
    at = 0.0
    while at < DAY:
        rate = mean * (1 - SWING * math.cos((at / DAY - 0.25) * 2 * math.pi))
        if SPIKE_AT <= at < SPIKE_AT + SPIKE_FOR:
            rate *= spike
        step = random.expovariate(rate)
        # The rate of one step is that of its begin: steps stay short against an hour.
        at += min(step, 60.0)
        if step <= 60.0 and at < DAY:
            yield at


def exponential(mean: float, random: Random) -> Iterator[float]:
    """Durations of digests that vary as much as their mean."""
    while True:
        yield random.expovariate(1 / mean)


def main() -> None:
    """Print a table."""
    print("| service | times the rate | logs/s in the spike | most waiting | 95 % begin within | worst |")
    print("|---|---|---|---|---|---|")
    for service in SERVICES:
        random = Random(f"{service}")  # noqa: S311  the same in every run
        arrivals = day(service.logs, service.spike, random)
        found = simulate(arrivals, exponential(1 / PER_CORE, random), service.cores)
        peak = service.logs / DAY * (1 + SWING) * service.spike
        waits = f"{found.longest:,} | {found.high:,.2f} s | {found.worst:,.1f} s"
        print(f"| {service.name} | {service.spike:g} | {peak:,.1f} | {waits} |")


if __name__ == "__main__":
    main()
