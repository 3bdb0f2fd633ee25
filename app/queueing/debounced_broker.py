"""Debouncing, a part for speed (`app.speed`): task messages close upon each other become one, and no reply is awaited."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from redis import ConnectionPool
from redis.connection import ConnectionInterface
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import RedisError

from app.queueing.broker import SHORT, PendingMessage, RedisBroker, message_for

T = TypeVar("T")

CALL_AT_MOST_EVERY = 0.1  # seconds

PACES = {SHORT: 0.004}
"""Seconds between debounced messages of a process to a queue, where not CALL_AT_MOST_EVERY: a person waits for a short job."""


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


class RedisLines:
    """Connections, each with at most one answer that has not been read. A push that Redis refused raises at the next."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool  # makes the connections; they stay with this
        self._idle: deque[ConnectionInterface] = deque()  # the latest last

    def push(self, key: str, value: str) -> None:
        """LPUSH. Raises RedisError or OSError when it cannot be sent, or when Redis refused the push before it."""
        line = self._answered() or self._pool.make_connection()
        try:
            line.connect()  # type: ignore[no-untyped-call]  # where it is not; to send would not ask a sentinel where
            line.send_command("LPUSH", key, value)  # type: ignore[no-untyped-call]
        except BaseException:
            line.disconnect()  # type: ignore[no-untyped-call]
            raise
        self._idle.append(line)

    def _answered(self) -> ConnectionInterface | None:
        """A connection without an unread answer; None when there is none, or when it was lost meanwhile, as by a restart."""
        try:
            line = self._idle.pop()
        except IndexError:
            return None
        try:
            line.read_response()
            if not line.can_read():  # what more could come is the end
                return line
        except LostConnection:
            pass
        except (RedisError, OSError):
            line.disconnect()  # type: ignore[no-untyped-call]
            raise
        line.disconnect()  # type: ignore[no-untyped-call]
        return None


class DebouncedBroker(RedisBroker):
    """A RedisBroker that debounces the messages of tasks that look for more rows by themselves."""

    def __init__(self, url: str, prefix: str = "crashq:") -> None:
        super().__init__(url, prefix)
        self._lines = RedisLines(self.pool)
        self._debouncers: dict[tuple[str, str], Debouncer[PendingMessage]] = {}

    def enqueue_debounced(self, task: str, row_id: str, queue: str, /) -> None:
        """Send the message now or, when one has just been sent, together with those that follow; await no answer."""
        debouncer = self._debouncers.get((task, queue))
        if debouncer is None:
            debouncer = self._debouncers.setdefault(
                (task, queue),
                Debouncer(
                    lambda pending: self.send(task, pending, queue, self._lines.push),
                    PACES.get(queue, CALL_AT_MOST_EVERY),
                ),
            )
        debouncer.call(message_for(row_id))

    def answered(self, task: str, row_id: str, queue: str, /) -> None:
        """Let the queue's debouncer know."""
        debouncer = self._debouncers.get((task, queue))
        if debouncer is not None:
            debouncer.answered(lambda pending: pending.row_id == row_id)
