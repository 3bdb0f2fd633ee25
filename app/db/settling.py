"""The wait for the disk after commits that did not wait for it, before anybody is told of them."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

from app.db.prepared import Lane

KEPT = 1_000  # names of rows that are known to be on disk

_NOTE = b"SELECT pg_logical_emit_message(true, 'crashq', '')"
"""A transaction that leaves nothing but a note in PostgreSQL's log: once its commit is on disk, all before it are."""


class Settling:
    """Waits once for each row that it is asked about, as long as it remembers it."""

    def __init__(self, lane: Callable[[], AbstractContextManager[Lane]]) -> None:
        self._lane = lane
        self._lock = threading.Lock()
        self._settled: dict[str, None] = {}  # the latest last

    def __call__(self, name: str, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Call `meanwhile`, and return when the disk has the row `name`, which this process knows to be committed.

        SQLite's commits have waited already. Raises TransientError.
        """
        if name in self._settled:
            meanwhile()
            return
        with self._lane() as lane:
            if lane.is_postgresql:
                lane.send(_NOTE)
                meanwhile()
                lane.receive()
            else:
                meanwhile()
        with self._lock:
            self._settled[name] = None
            if len(self._settled) > KEPT:
                del self._settled[next(iter(self._settled))]
