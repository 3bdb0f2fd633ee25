"""Notices that Redis takes no messages, and has this process do the work meanwhile if it leads the others."""

import threading
import time
from collections.abc import Callable

import structlog

from app.queueing.broker import Broker
from workers.direct_work import DirectWork
from workers.outage_backoff import OutageBackoff

LOOK_EVERY = 1.0  # seconds
GO_ON_FOR = 10.0  # seconds after Redis is back: workers and beat take up to 5 s to connect again

log = structlog.get_logger()


class BrokerWatch:
    """A thread of each worker process. Sending messages again is not enough where nobody can take them."""

    def __init__(self, broker: Broker, leads: Callable[[], bool], work: DirectWork) -> None:
        self._broker, self._leads, self._work = broker, leads, work
        self._works_until: float | None = None  # monotonic seconds; None: Redis takes messages
        self._stopped = threading.Event()
        self._backoff = OutageBackoff(sleep=self._stopped.wait)
        self._thread = threading.Thread(target=self._go_on, name="broker watch", daemon=True)

    def start(self) -> None:
        """Begin to watch. Threads do not survive a fork: call it after."""
        self._thread.start()

    def stop(self, within: float) -> bool:
        """Begin nothing more and wait so many seconds; False when something is still at work."""
        self._stopped.set()
        return self._work.stop(within)

    def look(self) -> None:
        """Look once. Raises TransientError when the database is away."""
        if not self._leads():  # another one that has come leads now, and does the work
            self._end()
            return
        now = time.monotonic()
        if not self._broker.check():
            if self._works_until is None:
                log.warning("direct_work_begins")
            self._works_until = now + GO_ON_FOR
        if self._works_until is None:
            return
        if now < self._works_until:
            self._work.look()
        else:
            self._end()

    def _end(self) -> None:
        if self._works_until is not None:
            self._works_until = None
            log.info("direct_work_ends")

    def _go_on(self) -> None:
        while not self._stopped.wait(LOOK_EVERY):
            self._backoff.perform("direct_work", self.look)
