"""The time that leases and expiries go by: the database's, so that machines whose clocks differ agree on it."""

import threading
import time
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import func, select

from app.db import Database
from app.errors import TransientError

SET_EVERY = 60.0  # seconds between looks at the database's clock; in between a monotonic clock goes on

log = structlog.get_logger()


def utc_now() -> datetime:
    """This machine's time, aware, in UTC; enough where there is only one machine."""
    return datetime.now(UTC)


class DatabaseClock:
    """Call it for the database server's current time, aware, in UTC. While the database is away it goes on by itself."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = threading.Lock()
        self._set_at: float | None = None  # monotonic seconds
        self._time_then = utc_now()

    def __call__(self) -> datetime:
        """The current time."""
        if self._set_at is None or time.monotonic() - self._set_at > SET_EVERY:
            with self._lock:
                if self._set_at is None or time.monotonic() - self._set_at > SET_EVERY:
                    self._set()
        assert self._set_at is not None
        return self._time_then + timedelta(seconds=time.monotonic() - self._set_at)

    def _set(self) -> None:
        asked = time.monotonic()
        try:
            with self._db.read() as session:
                found = session.scalar(select(func.clock_timestamp()))
        except TransientError:
            log.warning("clock_not_set")
            found = None
        now = time.monotonic()
        if found is not None:
            self._time_then = found.astimezone(UTC) + timedelta(seconds=(now - asked) / 2)
        elif self._set_at is None:
            self._time_then = utc_now()
        else:
            self._time_then += timedelta(seconds=now - self._set_at)
        self._set_at = now
