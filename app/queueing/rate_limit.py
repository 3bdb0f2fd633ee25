"""Counts what may be done so often a minute, in Redis, for all web processes together. All that knows of the library `limits`."""

import math
import threading
import time
from collections.abc import Callable

import structlog
from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import RedisStorage, Storage
from limits.strategies import FixedWindowRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.queueing.redis_url import read_redis_url

WINDOW = 60  # seconds, from the first that is counted in it
ANSWER_WITHIN = 0.4  # seconds for Redis to answer; nobody waits longer
COOL_DOWN = 2.0  # seconds without a request after one that Redis did not answer

log = structlog.get_logger()


class RateLimit:
    """So many a minute (or `minutes`) of each name, such as an app's id. Nothing is refused because Redis is away.

    Counting costs one round trip to Redis; a refused request costs none until the minute is over.
    """

    def __init__(self, storage: Storage) -> None:
        """Count in this storage, which has to wrap its exceptions."""
        self._storage = storage
        self._windows = FixedWindowRateLimiter(storage)
        self._refused: dict[tuple[str, int], float] = {}  # name and limit -> when its minute is over
        self._silent_until = 0.0
        self._lock = threading.Lock()

    def count(self, name: str, per_minute: int) -> int:
        """Count one more: 0 when it is allowed, else the seconds after which the next one is."""
        now = time.monotonic()
        over = self._refused.get((name, per_minute), 0.0)
        if now < over:
            return math.ceil(over - now)
        seconds = self._unless_away(lambda: self._ask(name, per_minute))
        if seconds:
            with self._lock:
                still = {name: until for name, until in self._refused.items() if until > now}
                self._refused = {**still, (name, per_minute): now + seconds}
        return math.ceil(seconds)

    def reserve(self, name: str, most: int, minutes: int = 1) -> int:
        """The same of one that may be given back; what is refused is not counted."""
        seconds = self._unless_away(lambda: self._ask(name, most, minutes))
        if seconds:
            self.give_back(name, most, minutes)
        return math.ceil(seconds)

    def give_back(self, name: str, most: int, minutes: int = 1) -> None:
        """Count one less."""
        self._unless_away(lambda: self._take_one(name, most, minutes))

    def _unless_away(self, ask: Callable[[], float]) -> float:
        """What Redis answers; 0 where it does not, and for a while after that without being asked."""
        if time.monotonic() < self._silent_until:
            return 0.0
        try:
            return ask()
        except StorageError as error:
            self._silent_until = time.monotonic() + COOL_DOWN
            log.warning("rate_limit_away", error=type(error.storage_error).__name__)
            return 0.0

    def _ask(self, name: str, most: int, minutes: int = 1) -> float:
        allowed = RateLimitItemPerMinute(most, minutes)
        if self._windows.hit(allowed, name):
            return 0.0
        over = self._windows.get_window_stats(allowed, name).reset_time
        return min(max(over - time.time(), 1.0), float(WINDOW * minutes))

    def _take_one(self, name: str, most: int, minutes: int) -> float:
        item = RateLimitItemPerMinute(most, minutes)
        self._storage.incr(item.key_for(name), item.get_expiry(), amount=-1)
        return 0.0


def open_rate_limit(redis_url: str, prefix: str) -> RateLimit:
    """The limit by the counters of a Redis, which is first asked when something is counted."""
    pool = read_redis_url(redis_url).pool(
        socket_timeout=ANSWER_WITHIN, socket_connect_timeout=ANSWER_WITHIN, retry=Retry(NoBackoff(), 0)
    )
    return RateLimit(RedisStorage("redis://", pool, key_prefix=f"{prefix}limits", wrap_exceptions=True))
