"""Asynchronous commits on PostgreSQL, a part for speed (`app.speed`).

Statements that include hot/async_commit.sql are committed before the disk has them. `DurabilityWait` then waits until a row
is durable, before a client is answered with it. Without this part such statements run on a `SynchronousConnection`, and
`already_durable` takes the place of `DurabilityWait`.
"""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy.engine.interfaces import DBAPICursor

from app.db.driver_pool import Compiled, DriverConnection
from app.db.hot import SqlText

KEPT = 1_000  # names of rows that are known to be durable

_FLUSH_WAL = b"SELECT pg_logical_emit_message(true, 'crashq', '')"
"""A transaction that writes nothing but a message into the WAL: once its commit is durable, all before it are."""

_ASYNC_COMMIT = SqlText("async_commit", str).sql.encode()
_COMMIT_AS_SET = b"current_setting('synchronous_commit')"


class _Synchronous:
    """A statement, without its asynchronous commit."""

    def __init__(self, compiled: Compiled[object]) -> None:
        assert isinstance(compiled.query, bytes)
        self.sql, self.options = compiled.sql, compiled.options
        self.query: str | bytes = compiled.query.replace(_ASYNC_COMMIT, _COMMIT_AS_SET)
        self.written, self.read = compiled.written, compiled.read


class SynchronousConnection(DriverConnection):
    """A driver connection of PostgreSQL of which every commit waits for the disk, unless the server is set otherwise."""

    def _run(self, compiled: Compiled[object], values: dict[str, Any]) -> DBAPICursor:
        return super()._run(_Synchronous(compiled), values)


def _nothing() -> None: ...


def already_durable(_name: str, meanwhile: Callable[[], object] = _nothing) -> None:
    """`DurabilityWait` where every commit is synchronous: call `meanwhile`."""
    meanwhile()


class DurabilityWait:
    """Waits once for each row, as long as it remembers the row's name, and with one flush for many rows."""

    def __init__(self, driver: Callable[[], AbstractContextManager[DriverConnection]]) -> None:
        self._driver = driver
        self._flushing = threading.Lock()  # one flush at a time: rows that come meanwhile share the next
        self._begun = self._ended = 0  # number of the flush that was begun last, and of the last that has ended
        self._durable: dict[str, None] = {}  # the latest last

    def __call__(self, name: str, meanwhile: Callable[[], object] = _nothing) -> None:
        """Call `meanwhile`, and return when the row `name`, which this process has seen committed, is durable.

        Raises TransientError.
        """
        if name in self._durable:
            meanwhile()
            return
        begun = self._begun  # each flush that begins from now on includes the row
        if not self._flushing.acquire(blocking=False):
            meanwhile()
            meanwhile = _nothing
            self._flushing.acquire()
        try:
            if self._ended > begun:
                meanwhile()
            else:
                self._flush(meanwhile)
            self._durable[name] = None
            if len(self._durable) > KEPT:
                del self._durable[next(iter(self._durable))]
        finally:
            self._flushing.release()

    def _flush(self, meanwhile: Callable[[], object]) -> None:
        self._begun += 1
        with self._driver() as driver:
            driver.send(_FLUSH_WAL)
            meanwhile()
            driver.receive()
        self._ended = self._begun
