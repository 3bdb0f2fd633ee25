"""Counts what each app sends, in Redis, for all web processes together. All of crashq that knows of the library `limits`."""

import math
import threading
import time

import structlog
from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import RedisStorage, Storage
from limits.strategies import FixedWindowRateLimiter
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.retry import Retry

WINDOW = 60  # seconds, from the first log in it
ANSWER_WITHIN = 0.4  # seconds for Redis to answer; an upload does not wait longer
COOL_DOWN = 2.0  # seconds without a question after one that Redis did not answer

log = structlog.get_logger()


class RateLimit:
    """So many logs a minute and app. It never keeps a log out because Redis is away.

    A log costs one trip to Redis; one that is refused costs none until the minute is over.
    """

    def __init__(self, storage: Storage) -> None:
        """Count in this storage, which has to wrap its exceptions."""
        self._windows = FixedWindowRateLimiter(storage)
        self._refused: dict[tuple[int, int], float] = {}  # app and limit -> when its minute is over
        self._silent_until = 0.0
        self._lock = threading.Lock()

    def count(self, app_id: int, per_minute: int) -> int:
        """Count one log of an app: 0 when it may come in, else the seconds after which the next one may."""
        now = time.monotonic()
        over = self._refused.get((app_id, per_minute), 0.0)
        if now < over:
            return math.ceil(over - now)
        if now < self._silent_until:
            return 0
        try:
            seconds = self._ask(app_id, per_minute)
        except StorageError as error:
            self._silent_until = now + COOL_DOWN
            log.warning("rate_limit_away", error=type(error.storage_error).__name__)
            return 0
        if seconds:
            with self._lock:
                still = {name: until for name, until in self._refused.items() if until > now}
                self._refused = {**still, (app_id, per_minute): now + seconds}
        return math.ceil(seconds)

    def _ask(self, app_id: int, per_minute: int) -> float:
        allowed = RateLimitItemPerMinute(per_minute)
        if self._windows.hit(allowed, str(app_id)):
            return 0.0
        over = self._windows.get_window_stats(allowed, str(app_id)).reset_time
        return min(max(over - time.time(), 1.0), float(WINDOW))


def open_rate_limit(redis_url: str, prefix: str) -> RateLimit:
    """The limit by the counters of a Redis, which is first asked when a log is counted."""
    pool = ConnectionPool.from_url(
        redis_url,
        socket_timeout=ANSWER_WITHIN,
        socket_connect_timeout=ANSWER_WITHIN,
        retry=Retry(NoBackoff(), 0),
    )
    return RateLimit(RedisStorage(redis_url, pool, key_prefix=f"{prefix}limits", wrap_exceptions=True))
