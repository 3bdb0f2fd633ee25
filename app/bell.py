"""A doorbell that many press and that rings for all of them: at once when it was silent, then so often and no more."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

RING_AT_MOST_EVERY = 0.1  # seconds


class Bell(Generic[T]):
    """Calls `ring` with what it was pressed for last, from whichever thread; no press goes without a later call."""

    def __init__(self, ring: Callable[[T], object], every: float = RING_AT_MOST_EVERY) -> None:
        self._ring = ring
        self._every = every  # seconds
        self._lock = threading.Lock()
        self._rang_at = float("-inf")  # monotonic seconds
        self._waiting: T | None = None  # a timer is set to ring for this
        self._rang_for: T | None = None  # last

    def ring(self, row: T) -> None:
        """Call now or, when the last call is too close, from a thread within `every` seconds."""
        with self._lock:
            now = time.monotonic()
            is_set, due = self._waiting is not None, self._rang_at + self._every
            if is_set or now < due:
                self._waiting = row
            else:
                self._rang_at, self._rang_for = now, row
        if is_set:
            return
        if now < due:
            threading.Timer(due - now, self._ring_for_those_who_wait).start()  # no daemon: a process ends after it rang
        else:
            self._ring(row)

    def answered(self, is_done: Callable[[T], bool]) -> None:
        """If what it rang for last is done, it counts as silent again: the next press is nobody's crowd."""
        with self._lock:
            if self._rang_for is not None and is_done(self._rang_for):
                self._rang_at, self._rang_for = float("-inf"), None

    def _ring_for_those_who_wait(self) -> None:
        with self._lock:
            row, self._waiting = self._waiting, None
            self._rang_at, self._rang_for = time.monotonic(), row
        if row is not None:
            self._ring(row)
