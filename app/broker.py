"""Rings workers: sends a task's name and one id to Redis. With `celery_message` all under app/ that knows of Celery."""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from app import metrics, tracing
from app.bell import RING_AT_MOST_EVERY, Bell
from app.celery_message import message
from app.observe import current_request_id
from app.redis_lines import RedisLines
from app.redis_url import read_redis_url

RUN_JOB, RUN_PART, DIGEST_LOG, REGROUP = "run_job", "run_part", "digest_log", "regroup"
MAKE_SYMBOLS = "make_symbols"
BEGIN_CANARY, RUN_CANARY = "begin_canary", "run_canary"
SWEEP, PULSE, RUN_ERASURE, KEEP_AGES, PUSH, RUN_EXPORTS = (
    "sweep",
    "pulse",
    "run_erasure",
    "keep_ages",
    "push",
    "run_exports",
)

INGEST, SHORT, LONG, UPKEEP = "ingest", "short", "long", "upkeep"
PARTS = "parts"
"""The queue in the row of a job that is being made in parts. No message goes there: its parts are rung for as LONG."""

QUEUES = (INGEST, SHORT, LONG, UPKEEP)
"""Size classes: what is quick never stands behind what is not."""

PROBE, PROBE_LIFETIME = "probe", 10  # key that a check writes, below the prefix; seconds
PUBLISH_TIMEOUT = 0.4  # seconds; an answer has to be out within a second although Redis is away
PACES = {SHORT: 0.004}
"""Seconds between rings of a process in a queue, where it is not the bell's own: a person waits for a short job."""

COOL_DOWN = 2.0  # seconds without a try after a failed one; the sweep rings again for what was missed


log = structlog.get_logger()


class Press(NamedTuple):
    """Somebody at the door: for which row, and on behalf of which request."""

    row_id: str
    request: str | None
    trace: str | None


def pressed(row_id: str) -> Press:
    """A press on behalf of the request that is being served or worked for."""
    return Press(row_id, current_request_id(), tracing.now.carried())


class Broker(Protocol):
    """Where a doorbell hangs."""

    def ring(self, task: str, row_id: str, queue: str, /) -> bool:
        """Tell a worker that a committed row waits; never raises. False: nobody heard, the sweep will ring again."""

    def ring_soon(self, task: str, row_id: str, queue: str, /) -> None:
        """The same for a task that looks for more rows by itself: rings close upon each other may become one."""

    def answered(self, task: str, row_id: str, queue: str, /) -> None:
        """The row is done, as somebody saw: if it was the last that was rung for soon, the next need not wait for others."""

    def check(self) -> bool:
        """True when the broker takes messages."""


class RedisBroker:
    """Pushes Celery messages to Redis, with a circuit breaker so that a dead Redis costs one time-out, not all."""

    def __init__(self, url: str, prefix: str = "crashq:") -> None:
        self._prefix = prefix
        pool = read_redis_url(url).pool(
            socket_timeout=PUBLISH_TIMEOUT, socket_connect_timeout=PUBLISH_TIMEOUT, retry=Retry(NoBackoff(), 0)
        )
        self._redis = Redis(connection_pool=pool)
        self._lines = RedisLines(pool)
        self._silent_until = 0.0
        self._lock = threading.Lock()
        self._bells: dict[tuple[str, str], Bell[Press]] = {}

    def ring_soon(self, task: str, row_id: str, queue: str, /) -> None:
        """Send the message now or, when one went out just now, together with those that follow; await no answer."""
        bell = self._bells.get((task, queue))
        if bell is None:
            bell = self._bells.setdefault(
                (task, queue),
                Bell(
                    lambda press: self._ring(task, press, queue, self._lines.push), PACES.get(queue, RING_AT_MOST_EVERY)
                ),
            )
        bell.ring(pressed(row_id))

    def answered(self, task: str, row_id: str, queue: str, /) -> None:
        """Let the queue's bell know."""
        bell = self._bells.get((task, queue))
        if bell is not None:
            bell.answered(lambda press: press.row_id == row_id)

    def ring(self, task: str, row_id: str, queue: str, /) -> bool:
        """Send the message unless Redis was away just now."""
        return self._ring(task, pressed(row_id), queue, self._redis.lpush)

    def _ring(self, task: str, press: Press, queue: str, push: Callable[[str, str], object]) -> bool:
        if time.monotonic() < self._silent_until:
            metrics.rings.add(queue, "lost")
            return False
        try:
            push(f"{self._prefix}{queue}", message(task, press.row_id, queue, press.request, press.trace))
        except (RedisError, OSError) as error:
            with self._lock:
                self._silent_until = time.monotonic() + COOL_DOWN
            metrics.rings.add(queue, "lost")
            log.warning("broker_away", task=task, row=press.row_id, error=type(error).__name__)
            return False
        metrics.rings.add(queue, "sent")
        return True

    def check(self) -> bool:
        """Write a key that expires soon. Redis answers a PING also when it is full or a replica, and takes no message."""
        try:
            self._redis.set(f"{self._prefix}{PROBE}", "", ex=PROBE_LIFETIME)
        except (RedisError, OSError):
            return False
        return True


class NoBroker:
    """For commands beside a service that is not running: rows wait for its sweep."""

    def ring_soon(self, _task: str, _row_id: str, _queue: str, /) -> None:
        """Nobody hears."""

    def answered(self, _task: str, _row_id: str, _queue: str, /) -> None:
        """Nobody waits."""

    def ring(self, _task: str, _row_id: str, _queue: str, /) -> bool:
        """Nobody hears."""
        return False

    def check(self) -> bool:
        """There is none."""
        return False


class MemoryBroker:
    """Keeps the rings in a list, for tests that drain them by hand."""

    def __init__(self) -> None:
        self.rings: list[tuple[str, str]] = []

    def ring(self, task: str, row_id: str, _queue: str, /) -> bool:
        """Append to `rings`."""
        self.rings.append((task, row_id))
        return True

    def ring_soon(self, task: str, row_id: str, queue: str, /) -> None:
        """Each for itself."""
        self.ring(task, row_id, queue)

    def answered(self, _task: str, _row_id: str, _queue: str, /) -> None:
        """Nobody waits."""

    def check(self) -> bool:
        """Always there."""
        return True
