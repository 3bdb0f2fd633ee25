"""The wait for the disk after commits that did not wait for it, before anybody is told of them."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

from app.db.driver_pool import DriverConnection

KEPT = 1_000  # names of rows that are known to be on disk

_NOTE = b"SELECT pg_logical_emit_message(true, 'crashq', '')"
"""A transaction that leaves nothing but a note in PostgreSQL's log: once its commit is on disk, all before it are."""


def _nothing() -> None: ...


def settled(_name: str, meanwhile: Callable[[], object] = _nothing) -> None:
    """The same for SQLite, whose commits have waited already."""
    meanwhile()


class Settling:
    """Waits once for each row that it is asked about, as long as it remembers it, and for many rows together."""

    def __init__(self, driver: Callable[[], AbstractContextManager[DriverConnection]]) -> None:
        self._driver = driver
        self._turn = threading.Lock()  # one transaction at a time: what comes meanwhile shares the next
        self._begun = self._ended = 0  # number of the transaction that was begun last, and of the last that is on disk
        self._settled: dict[str, None] = {}  # the latest last

    def __call__(self, name: str, meanwhile: Callable[[], object] = _nothing) -> None:
        """Call `meanwhile`, and return when the disk has the row `name`, which this process knows to be committed.

        Raises TransientError.
        """
        if name in self._settled:
            meanwhile()
            return
        begun = self._begun  # each that is begun from now on takes the row along
        if not self._turn.acquire(blocking=False):
            meanwhile()
            meanwhile = _nothing
            self._turn.acquire()
        try:
            if self._ended > begun:
                meanwhile()
            else:
                self._settle(meanwhile)
            self._settled[name] = None
            if len(self._settled) > KEPT:
                del self._settled[next(iter(self._settled))]
        finally:
            self._turn.release()

    def _settle(self, meanwhile: Callable[[], object]) -> None:
        self._begun += 1
        with self._driver() as driver:
            driver.send(_NOTE)
            meanwhile()
            driver.receive()
        self._ended = self._begun
