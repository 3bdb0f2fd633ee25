"""Gives pooled connections back to PostgreSQL that nobody has used for a while, and refuses a pooler that crashq cannot use."""

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol, cast

import psycopg
from sqlalchemy import QueuePool, make_url
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util.queue import Queue

from app.errors import ConfigError

IDLE_FOR = 30.0  # seconds without use after which a connection is closed
LOOKS = 3  # within that time; so a connection is closed after a third more at most
CONNECT_WAIT = 3  # seconds
PAIRS = 3  # looks at two connections, by which a pooler that pools by session is told
NEEDS_SESSIONS = (
    "DATABASE_URL leads to a pooler that pools by transaction or statement; crashq prepares statements on its"
    " connections, so it needs pool_mode = session there, or PostgreSQL itself"
)


def _nobody() -> None: ...


class IdlePool(Protocol):
    """Connections that wait to be used again."""

    on_return: Callable[[], None]
    """Called after a connection has come back into the pool."""

    def close_idle(self, before: float) -> bool:
        """Close what has waited since before a time, in monotonic seconds; returns whether others still wait."""
        ...


class SessionPool(QueuePool):
    """The pool of the sessions' connections; `returned_at` in the info of each tells when it came back: monotonic seconds."""

    on_return: Callable[[], None] = staticmethod(_nobody)

    def close_idle(self, before: float) -> bool:
        """As in `IdlePool`."""
        waiting = cast(Queue[ConnectionPoolEntry], self._pool)
        with waiting.mutex:  # nobody finds the pool empty meanwhile
            entries = [waiting.get(False) for _ in range(waiting.qsize())]
            for entry in entries:
                if entry.info.get("returned_at", before) < before:
                    entry.close()  # it stays, and connects when it is used next
            for entry in reversed(entries):
                waiting.put(entry, False)
        return any(entry.dbapi_connection is not None for entry in entries)

    def recreate(self) -> "SessionPool":
        """A new pool of the same settings."""
        made = super().recreate()
        assert isinstance(made, SessionPool)
        made.on_return = self.on_return
        return made

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        record.info["returned_at"] = time.monotonic()
        super()._do_return_conn(record)
        self.on_return()


class IdleWatch:
    """Closes the idle connections of pools, in a thread that lives as long as connections wait in them.

    So a process that does nothing any more holds none. The thread does not keep a process from ending.
    """

    def __init__(self, pools: Callable[[], tuple[IdlePool, ...]]) -> None:
        self._pools = pools
        self._lock = threading.Lock()
        self._is_on = False
        self._wake = threading.Event()
        for pool in pools():
            pool.on_return = self.begin

    def begin(self) -> None:
        """Watch from now on, if nobody does yet."""
        if self._is_on:
            return
        with self._lock:
            if self._is_on:
                return
            self._is_on = True
            try:
                threading.Thread(target=self._run, name="idle connections", daemon=True).start()
            except RuntimeError:  # no thread can be had: the connection stays open, and its user has an answer
                self._is_on = False

    def end_soon(self) -> None:
        """The pools have been emptied: look at once."""
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait(IDLE_FOR / LOOKS)
            self._wake.clear()
            if self._close_idle():
                continue
            self._is_on = False  # who returns a connection from now on begins anew
            if not self._close_idle():
                return
            with self._lock:
                if self._is_on:
                    return
                self._is_on = True

    def _close_idle(self) -> bool:
        before = time.monotonic() - IDLE_FOR
        waiting = [pool.close_idle(before) for pool in self._pools()]  # all of them, before the first is looked at
        return any(waiting)


def require_pooling_by_session(url: str) -> None:
    """Raise ConfigError where a pooler hands one server connection to several clients, one after another.

    Nothing is said of SQLite, or of a database that does not answer: the service starts and waits for that one.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return
    address = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
    connect = partial(psycopg.connect, address, autocommit=True, connect_timeout=CONNECT_WAIT, prepare_threshold=None)
    try:
        with connect() as first, connect() as second:
            is_shared = any(_share_a_server(first, second) for _ in range(PAIRS))
    except psycopg.Error:
        return
    if is_shared:
        raise ConfigError(NEEDS_SESSIONS)


def _share_a_server(first: psycopg.Connection, second: psycopg.Connection) -> bool:
    """True when one server serves both, or the server changes. The order finds servers behind a round-robin balancer, too."""
    of_first, of_second = {_server(first)}, {_server(second)}
    of_second.add(_server(second))
    of_first.add(_server(first))
    return len(of_first | of_second) != 2 or bool(of_first & of_second)


def _server(connection: psycopg.Connection) -> int:
    found = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert found is not None
    return int(found[0])
