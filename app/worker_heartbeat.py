"""A worker process says that it is alive, and learns how many others are and which of them leads."""

import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from app.db import Database
from app.db.models.worker_process import live_processes, remove_process, write_heartbeat
from app.errors import TransientError

WRITE_EVERY = 10.0  # seconds
LIVE_FOR = timedelta(seconds=30)  # since a process last wrote its row: three writes missed
FORGET_AFTER = timedelta(seconds=60)  # since then its row is deleted

log = structlog.get_logger()


def own_id() -> str:
    """`host:pid` of this process, at most 64 characters. Call it after the fork."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}"


class WorkerHeartbeat:
    """Writes this process's row in a thread of its own, for as long as the process runs."""

    def __init__(self, db: Database, now: Callable[[], datetime], process_id: str) -> None:
        self._db, self._now, self._id = db, now, process_id
        self._live: list[str] = []  # ids, the lowest first
        self._written_at = float("-inf")  # monotonic seconds
        self._is_away = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to write. Threads do not survive a fork: call it after."""
        self._thread.start()

    def stop(self) -> None:
        """Write no more and take the row back, so that another process leads at once."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(WRITE_EVERY)
        try:
            with self._db.write() as session:
                remove_process(session, self._id)
        except TransientError:
            pass  # the row ages

    def processes(self) -> int:
        """How many worker processes were alive when this one last looked, at least 1."""
        return max(len(self._live), 1)

    def leads(self) -> bool:
        """True for the live process with the lowest id. Two may think so for some seconds, when one has just come or gone."""
        is_fresh = time.monotonic() - self._written_at < LIVE_FOR.total_seconds()
        return is_fresh and self._live[:1] == [self._id]

    def write(self) -> None:
        """Write the row once, and look who else is alive. Raises TransientError."""
        begun, now = time.monotonic(), self._now()
        with self._db.write() as session:
            write_heartbeat(session, self._id, now, FORGET_AFTER)
            self._live = live_processes(session, now - LIVE_FOR)
        self._written_at = begun

    def _go_on(self) -> None:
        while not self._stopped.is_set():
            try:
                self.write()
            except TransientError as error:
                if not self._is_away:
                    log.warning("heartbeat_put_off", code=error.code)
                self._is_away = True
            except Exception as error:
                log.exception("heartbeat_broke", error=type(error).__name__)
            else:
                self._is_away = False
            self._stopped.wait(WRITE_EVERY)
