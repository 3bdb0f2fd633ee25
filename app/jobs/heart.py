"""The thread that renews leases: one per process, for every attempt at work there. To start one per job costs more."""

import threading
import time
from typing import Protocol

IDLE = 0.5  # seconds between looks while nothing is at work; begun work need not wake the thread then


class Beating(Protocol):
    """What is to be called at regular times while it works."""

    pause: float  # seconds between beats

    def beat(self) -> None:
        """Must not raise."""


class Heart:
    """Calls `beat` of everything it watches, each after its own pause."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[Beating, float] = {}  # monotonic seconds of the next beat
        self._wakes_at = 0.0  # monotonic seconds
        self._thread: threading.Thread | None = None

    def watch(self, work: Beating) -> None:
        """Begin to call `beat`, the first time after one pause."""
        due = time.monotonic() + work.pause
        with self._changed:
            self._due[work] = due
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="heart", daemon=True)
                self._thread.start()
            elif due < self._wakes_at:
                self._changed.notify()

    def release(self, work: Beating) -> None:
        """Call it no more; a beat that is under way goes on."""
        with self._changed:
            self._due.pop(work, None)

    def _run(self) -> None:
        while True:
            with self._changed:
                now = time.monotonic()
                due = [work for work, moment in self._due.items() if moment <= now]
                for work in due:
                    self._due[work] = now + work.pause
                if not due:
                    self._wakes_at = min(self._due.values(), default=now + IDLE)
                    self._changed.wait(self._wakes_at - now)
            for work in due:
                work.beat()
