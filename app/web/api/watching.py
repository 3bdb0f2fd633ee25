"""Waiting until something changes, for many threads at a time: the thread that is due looks for all of them."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Generic, TypeVar

from app.errors import TransientError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.25  # seconds between looks, growing: short after somebody came
GROWTH = 1.25


class Watch(Generic[K, V]):
    """`look` tells the values of many keys at once, and leaves out those that may not be seen (any more).

    There is no thread that looks: where nobody waits, nothing is looked at.
    """

    def __init__(self, look: Callable[[Collection[K]], Mapping[K, V]], pause: float = FIRST_PAUSE) -> None:
        self._look = look
        self._changed = threading.Condition()
        self._waiting: Counter[K] = Counter()
        self._first_pause = self._pause = pause
        self._next_at = 0.0  # monotonic seconds
        self._begun = self._seen_in = 0  # numbers of looks: begun, and the one whose answer is there
        self._seen: Mapping[K, V] = {}
        self._somebody_looks = False

    def hurry(self) -> None:
        """Look again soon: somebody came, whose job may be a short one."""
        with self._changed:
            self._pause = self._first_pause
            self._next_at = min(self._next_at, time.monotonic() + self._pause)
            self._changed.notify_all()

    def wait(self, key: K, known: V, seconds: float) -> V | None:
        """The value of a key once it is another than `known`, which comes back after so many seconds; None: not to be seen."""
        until = time.monotonic() + seconds
        with self._changed:
            self._waiting[key] += 1
            since = self._begun  # what was found by looks before this one is older than what is known
            try:
                while True:
                    if self._seen_in > since and self._seen.get(key) != known:
                        return self._seen.get(key)
                    now = time.monotonic()
                    if now >= until:
                        return known
                    if now < self._next_at or self._somebody_looks:
                        self._changed.wait(min(until, max(self._next_at, now + self._first_pause)) - now)
                    else:
                        self._look_for_all()
            finally:
                self._waiting[key] -= 1
                if not self._waiting[key]:
                    del self._waiting[key]

    def _look_for_all(self) -> None:
        """Look without holding the lock, which the caller has."""
        self._somebody_looks = True
        self._begun += 1
        number, keys = self._begun, list(self._waiting)
        self._changed.release()
        found: Mapping[K, V] | None = None
        try:
            found = self._look(keys)
        except TransientError:  # the next look may succeed; meanwhile nothing is known to have changed
            pass
        finally:
            self._changed.acquire()
            self._somebody_looks = False
            self._pause = min(self._pause * GROWTH, LONGEST_PAUSE)
            self._next_at = time.monotonic() + self._pause
            if found is not None:
                self._seen, self._seen_in = found, number
            self._changed.notify_all()
