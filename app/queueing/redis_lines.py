"""Pushes to lists of Redis of which each answer is read before the next push, so that nobody waits for it."""

from collections import deque

from redis import ConnectionPool
from redis.connection import ConnectionInterface
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import RedisError


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
