"""Debouncing, a part for speed (`app.speed`): task messages close upon each other become one, and no reply is awaited."""

from app.queueing.broker import SHORT, PendingMessage, RedisBroker, message_for
from app.queueing.debouncer import CALL_AT_MOST_EVERY, Debouncer
from app.queueing.redis_lines import RedisLines

PACES = {SHORT: 0.004}
"""Seconds between debounced messages of a process to a queue, where not CALL_AT_MOST_EVERY: a person waits for a short job."""


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
