"""Where requests wait until a job ends: for the seconds of `Prefer: wait=N` (RFC 7240), or briefly without being asked."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

MAX_WAIT = 30  # seconds; below what common proxies allow a request
BRIEF_WAIT = 0.025  # seconds that a poll is held unasked: what a short job takes, and less than anybody notices
NO_JOB_TAKES = 0.0018  # seconds; until more is known
SHORTEST_PAUSE, LONGEST_PAUSE = 0.00025, 0.25  # seconds between looks at the row, growing
HELD_GROWTH, BRIEF_GROWTH = 0.15, 0.5
"""A pause's share of the time since the first look: by so much later than it could at most an answer comes."""
LEARNT_FOR = 1.0  # seconds; what was so in a busy second need not be so in a quiet one
SOONER, LATER = 0.98, 1.05  # of what was expected, so that seven of ten first looks find the job done
LONG = "long"  # jobs of any type that never end within a brief wait
BRIEF_WAITS = 2  # requests held briefly, for each thread at work


class Pace:
    """Learns how long jobs of each type take at present, BRIEF_WAIT at most: seven of ten are done by then."""

    def __init__(self) -> None:
        self._learnt: dict[
            str, tuple[float, float]
        ] = {}  # job_type -> seconds, monotonic seconds when they were learnt

    def of(self, job_type: str) -> float:
        """Seconds from a job's beginning until it is worth looking for its end."""
        seconds, learnt_at = self._learnt.get(job_type, (NO_JOB_TAKES, 0.0))
        return seconds if time.monotonic() - learnt_at < LEARNT_FOR else NO_JOB_TAKES

    def learn(self, job_type: str, *, was_done: bool) -> None:
        """Note what a look found that was made then."""
        seconds = self.of(job_type) * (SOONER if was_done else LATER)
        self._learnt[job_type] = min(max(seconds, SHORTEST_PAUSE), BRIEF_WAIT), time.monotonic()


class WaitingRoom:
    """At most `places` requests of this process wait at a time, so that others always find a thread.

    `rest` is entered while one sleeps: what it needs to work can serve another one meanwhile. `growth` is that of pauses.
    """

    def __init__(
        self, places: int, growth: float, pace: Pace, rest: Callable[[], AbstractContextManager[object]]
    ) -> None:
        self._places = threading.BoundedSemaphore(places)
        self._growth = growth
        self._pace = pace
        self._rest = rest

    def wait(self, seconds: float, job_type: str, age: float, is_over: Callable[[], bool]) -> bool:
        """Return True after `is_over()` or when the seconds have passed; False at once when there is no place.

        `age`: seconds since the job of that job_type began. The first look is made when such a job may be done.
        """
        if not self._places.acquire(blocking=False):
            return False
        try:
            begun, left = time.monotonic(), self._pace.of(job_type) - age
            if left > 0:
                self._sleep(min(left, seconds))
            first_look = time.monotonic()
            was_done = is_over()
            if left > 0 or not was_done:
                self._pace.learn(job_type, was_done=was_done)
            while not was_done and (left := begun + seconds - time.monotonic()) > 0:
                pause = (time.monotonic() - first_look) * self._growth
                self._sleep(min(max(pause, SHORTEST_PAUSE), LONGEST_PAUSE, left))
                was_done = is_over()
        finally:
            self._places.release()
        return True

    def _sleep(self, seconds: float) -> None:
        with self._rest():
            time.sleep(seconds)


class WaitingRooms(NamedTuple):
    """Where the requests of one process wait."""

    held: WaitingRoom  # by `Prefer: wait`
    brief: WaitingRoom  # unasked

    @classmethod
    def of(cls, threads: int, rest: Callable[[], AbstractContextManager[object]]) -> "WaitingRooms":
        """For so many threads at work: half as many requests are held, and BRIEF_WAITS times as many briefly."""
        pace = Pace()
        held = WaitingRoom(max(threads // 2, 1), HELD_GROWTH, pace, rest)
        return cls(held, WaitingRoom(threads * BRIEF_WAITS, BRIEF_GROWTH, pace, rest))
