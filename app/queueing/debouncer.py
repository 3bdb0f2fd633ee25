"""Debounces calls: the first call after a pause goes through at once, later ones at a bounded rate, the last one always."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

CALL_AT_MOST_EVERY = 0.1  # seconds


class Debouncer(Generic[T]):
    """Forwards values to a function that may be called from any thread. A later value may replace one that waits."""

    def __init__(self, function: Callable[[T], object], every: float = CALL_AT_MOST_EVERY) -> None:
        self._function = function
        self._every = every  # seconds
        self._lock = threading.Lock()
        self._called_at = float("-inf")  # monotonic seconds
        self._waiting: T | None = None  # a timer is set to call the function with this
        self._called_with: T | None = None  # last

    def call(self, value: T) -> None:
        """Call the function now or, when the last call is too recent, from a thread within `every` seconds."""
        with self._lock:
            now = time.monotonic()
            is_set, due = self._waiting is not None, self._called_at + self._every
            if is_set or now < due:
                self._waiting = value
            else:
                self._called_at, self._called_with = now, value
        if is_set:
            return
        if now < due:
            threading.Timer(due - now, self._call_with_waiting).start()  # no daemon: the process ends after the call
        else:
            self._function(value)

    def answered(self, is_done: Callable[[T], bool]) -> None:
        """Let the next call through at once if `is_done` says that the work of the last one is done."""
        with self._lock:
            if self._called_with is not None and is_done(self._called_with):
                self._called_at, self._called_with = float("-inf"), None

    def _call_with_waiting(self) -> None:
        with self._lock:
            value, self._waiting = self._waiting, None
            self._called_at, self._called_with = time.monotonic(), value
        if value is not None:
            self._function(value)
