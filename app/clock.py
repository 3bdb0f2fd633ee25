"""The time that leases and expiries go by: the database's, so that machines whose clocks differ agree on it."""

import threading
import time
from datetime import UTC, datetime, timedelta

import structlog

from app.db import Database
from app.errors import TransientError

SET_EVERY = 60.0  # seconds between looks at the database's clock; in between a monotonic clock goes on
LOOK_AGAIN_AFTER = 1.0  # seconds after a look that failed, or as long as that took: a look may end with a time-out

log = structlog.get_logger()


def utc_now() -> datetime:
    """This machine's time, aware, in UTC; enough where there is only one machine."""
    return datetime.now(UTC)


class DatabaseClock:
    """Call it for the database server's current time, aware, in UTC. While the database is away it goes on by itself."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = threading.Lock()
        self._known: tuple[datetime, float] | None = None  # a time, and the monotonic seconds when it was that
        self._look_at = 0.0  # monotonic seconds, when the next look is due

    def __call__(self) -> datetime:
        """The current time. Only the first call waits for a look of another thread."""
        if self._known is None:
            with self._lock:
                known = self._known or self._look(None)
        elif time.monotonic() >= self._look_at and self._lock.acquire(blocking=False):
            try:
                known = self._look(self._known)
            finally:
                self._lock.release()
        else:
            known = self._known
        then, at = known
        return then + timedelta(seconds=time.monotonic() - at)

    def _look(self, known: tuple[datetime, float] | None) -> tuple[datetime, float]:
        """Ask the database; while it is away, what is known stays, at first this machine's time."""
        asked = time.monotonic()
        try:
            found: datetime | None = self._db.server_time()
        except TransientError:
            log.warning("clock_not_set")
            found = None
        now = time.monotonic()
        if found is not None:
            self._known = found.astimezone(UTC) + timedelta(seconds=(now - asked) / 2), now
            self._look_at = now + SET_EVERY
        else:
            self._known = known or (utc_now(), now)
            self._look_at = now + max(
                LOOK_AGAIN_AFTER, now - asked
            )  # at most half of the time is spent on looks in vain
        return self._known
