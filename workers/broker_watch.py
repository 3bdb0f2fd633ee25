"""Notices that Redis takes no messages, and has this process do the work meanwhile if it leads the others."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from app.background import TYPES
from app.db.work import due
from app.queueing.broker import Broker
from app.services import Services
from workers.tasks import TASKS, OutageBackoff, TaskMessage

AT_MOST = 50  # rows of a type that are looked up at a time
LOOK_EVERY = 1.0  # seconds
GO_ON_FOR = 10.0  # seconds after Redis is back: workers and beat take up to 5 s to connect again

log = structlog.get_logger()


class Collector:
    """A broker that hands task messages to a function of this process."""

    def __init__(self, add: Callable[[str, str, str], None]) -> None:
        self._add = add  # of task, row id and queue

    def enqueue(self, task: str, row_id: str, queue: str, /) -> bool:
        """Have the task done by this process."""
        self._add(task, row_id, queue)
        return True

    def enqueue_debounced(self, task: str, row_id: str, queue: str, /) -> None:
        """Have the task done by this process."""
        self._add(task, row_id, queue)

    def answered(self, _task: str, _row_id: str, _queue: str, /) -> None:
        """Do nothing: no message waits."""

    def check(self) -> bool:
        """Always there."""
        return True


class DirectWork:
    """One thread for each queue that has something to do, so that what is quick never stands behind what is not.

    Each thread ends when its queue is empty. Rows are claimed as ever: no work is done twice, however many workers there are.
    """

    def __init__(self, services: Services, entries: dict[str, dict[str, Any]]) -> None:
        self._services = replace(services, broker=Collector(self.add))
        self._entries = entries  # of workers/schedule.py
        self._next_at = dict.fromkeys(entries, float("-inf"))  # monotonic seconds
        self._lock = threading.Lock()
        self._waiting: dict[str, dict[tuple[str, str], None]] = {}  # queue -> (task, row id), the oldest first
        self._threads: dict[str, threading.Thread] = {}  # by queue, while they have something to do
        self._stopped = threading.Event()

    def look(self) -> None:
        """Have everything done that is due now; returns at once. Raises TransientError when the database is away."""
        now = time.monotonic()
        for name, entry in self._entries.items():
            if now >= self._next_at[name]:
                self._next_at[name] = now + entry["schedule"]
                self.add(entry["task"], "", entry["options"]["queue"])
        for work in TYPES.values():
            if work.message is None:
                continue
            with self._services.db.read() as session:
                rows = due(session, work.leasing, self._services.now(), AT_MOST)
            for row in rows:
                self.add(*work.message(row))

    def add(self, task: str, row_id: str, queue: str) -> None:
        """Have a task done, once however often it is asked for before it begins."""
        with self._lock:
            if self._stopped.is_set():
                return
            self._waiting.setdefault(queue, {})[task, row_id] = None
            if queue in self._threads:
                return
            thread = threading.Thread(target=self._work_off, args=(queue,), name=f"direct {queue}", daemon=True)
            self._threads[queue] = thread
        thread.start()

    def stop(self, within: float) -> bool:
        """Begin nothing more and wait so many seconds; False when something is still at work."""
        self._stopped.set()
        with self._lock:
            threads = list(self._threads.values())
        deadline = time.monotonic() + within
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0))
        return not any(thread.is_alive() for thread in threads)

    def is_idle(self) -> bool:
        """True when nothing waits and nothing is at work."""
        with self._lock:
            return not self._threads

    def _work_off(self, queue: str) -> None:
        backoff = OutageBackoff(sleep=self._stopped.wait)
        while (one := self._next(queue)) is not None:
            task, row_id = one
            backoff.perform(task, partial(TASKS[task], self._services, TaskMessage(row_id)))

    def _next(self, queue: str) -> tuple[str, str] | None:
        """Take what is next in a queue; None, and the thread is none of ours any more, when there is nothing."""
        with self._lock:
            waiting = self._waiting.get(queue)
            if not waiting or self._stopped.is_set():
                del self._threads[queue]
                return None
            first = next(iter(waiting))
            del waiting[first]
            return first


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
