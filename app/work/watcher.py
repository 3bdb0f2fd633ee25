"""The threads that look at what is bounded in this process, and end the process if it can do no more work."""

import faulthandler
import os
import threading
import time
from typing import Protocol

import structlog

LEAST_SILENCE = 30.0  # seconds; no call into C that has an end holds the interpreter's lock for so long
PAUSE = 0.25  # seconds between looks; a budget is kept to within that
PARK_AFTER = 40  # looks with nothing to watch until the watcher sleeps; to wake it for each piece of work costs more

log = structlog.get_logger()


class Watchdog:
    """The one of this process; off until `start`, for only the child processes of a worker are started again."""

    def __init__(self) -> None:
        self._silence: float | None = None
        self._nowhere = -1

    @property
    def is_on(self) -> bool:
        """True once it was started."""
        return self._silence is not None

    def start(self, lease: float) -> None:
        """From now on the process may be ended. `lease`: seconds after which work that is not renewed is lost anyway."""
        self._nowhere = os.open(os.devnull, os.O_WRONLY)  # a stack trace would hold paths and values
        self._silence = max(lease, LEAST_SILENCE)

    def feed(self) -> None:
        """Say that threads run. The process ends if it is neither called again nor `rest` before the silence is over."""
        if self._silence is not None:
            faulthandler.dump_traceback_later(self._silence, exit=True, file=self._nowhere)

    def rest(self) -> None:
        """Say that nothing is at work."""
        if self._silence is not None:
            faulthandler.cancel_dump_traceback_later()

    def end_process(self, reason: str) -> None:
        """End the process now, if it may be."""
        if self._silence is not None:
            log.error("process_ended", reason=reason)
            os._exit(1)


watchdog = Watchdog()


class Ticking(Protocol):
    """Something with a `tick` that a thread calls at regular times."""

    pause: float  # seconds between ticks

    def tick(self) -> None:
        """Must not raise."""


class Watching(Protocol):
    """A thread that calls `tick` of what it watches."""

    def watch(self, work: Ticking) -> None:
        """Begin to call `tick`, the first time after one pause or sooner."""

    def release(self, work: Ticking) -> None:
        """Call it no more; a tick that is under way goes on."""


class Watcher:
    """One thread for all limits of a process; it starts with the first."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watched: set[Ticking] = set()
        self._is_parked = True
        self._thread: threading.Thread | None = None

    def watch(self, work: Ticking) -> None:
        """Begin to call `tick`, each PAUSE."""
        with self._changed:
            self._watched.add(work)
            if self._is_parked:
                self._is_parked = False
                self._wake()

    def release(self, work: Ticking) -> None:
        """Call it no more; a tick that is under way goes on."""
        with self._changed:
            self._watched.discard(work)

    def _wake(self) -> None:
        watchdog.feed()  # in the thread that is about to work: the watcher may get no chance
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="work limits", daemon=True)
            self._thread.start()
        else:
            self._changed.notify()

    def _run(self) -> None:
        idle = 0
        while True:
            time.sleep(PAUSE)
            with self._changed:
                watched = list(self._watched)
                idle = 0 if watched else idle + 1
                if idle > PARK_AFTER:
                    self._is_parked = True
                    watchdog.rest()
                    self._changed.wait_for(lambda: not self._is_parked)
                    idle = 0
                watchdog.feed()
            for work in watched:
                work.tick()


watcher = Watcher()
"""The one of this process."""
