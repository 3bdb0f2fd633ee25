"""The database: transactions that behave the same on SQLite and PostgreSQL, on pooled connections.

Pooled connections that nobody has used for a while are given back to PostgreSQL: others may wait for them.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any, Protocol, cast

import psycopg
from sqlalchemy import Connection, Engine, QueuePool, event, func, select, text
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import ORMExecuteState, Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util.queue import Queue

from app.db.async_commit import DurabilityWait, already_durable
from app.db.driver_pool import DriverConnection, DriverPool, SharedSnapshot
from app.db.errors import DATABASE_ERRORS, is_outage, is_reference_broken
from app.errors import RemovedMeanwhile, TransientError
from app.telemetry import metrics

TRUSTED_FOR = 1.0  # seconds after its last use that a pooled connection is not tried before the next
LOCK_WAIT = 10  # seconds a statement waits for another's lock before the request is answered with 503
BRIEFLY = 50  # milliseconds
_STARTED_AT = "SELECT greatest(pg_postmaster_start_time(), (SELECT stats_reset FROM pg_stat_bgwriter))"
"""A server that begins anew after a crash of one process keeps its start time, but resets all statistics."""
UNAVAILABLE = "The database is unavailable, try again"
IDLE_FOR = 30.0  # seconds without use after which a connection is closed
LOOKS = 3  # within that time; so a connection is closed after a third more at most


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


class Database:
    """Hands out transactions. A database that is away, locked or full is a TransientError to the caller."""

    def __init__(self, engine: Engine, drivers: DriverPool, *, async_commits: bool = True) -> None:
        self.engine = engine
        self._drivers = drivers
        self._idle = IdleWatch(self._pools)
        is_asynchronous = async_commits and self.is_postgresql
        self.wait_until_durable = DurabilityWait(self.driver) if is_asynchronous else already_durable
        # Each statement that only reads is a transaction of its own: nothing to begin and to roll back, which on
        # PostgreSQL would be two round trips more. SQLite begins one by itself.
        reads = engine.execution_options(isolation_level="AUTOCOMMIT") if self.is_postgresql else engine
        self._reading = sessionmaker(reads, expire_on_commit=False, autoflush=False)
        looks = engine.execution_options(isolation_level="REPEATABLE READ") if self.is_postgresql else engine
        self._looking = sessionmaker(looks, expire_on_commit=False, autoflush=False)
        event.listen(self._reading, "do_orm_execute", _refuse_to_write)
        event.listen(self._reading, "before_flush", _refuse_to_flush)
        self._writing = sessionmaker(
            engine.execution_options(crashq_writes=True), expire_on_commit=False, autoflush=False
        )

    @property
    def is_postgresql(self) -> bool:
        """False on SQLite."""
        return self.engine.dialect.name == "postgresql"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Statements that only read, each seeing what is committed when it begins."""
        with _translated(), self._reading() as session:
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """A read-only transaction in which every statement sees the same snapshot."""
        with _translated(), self._looking() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that commits at the end, or leaves no trace when the block raises.

        On SQLite it takes the write lock at its start, so it cannot fail half-way for a lock.
        """
        with _translated(), self._writing() as session:
            yield session
            session.commit()

    @contextmanager
    def driver(self) -> Iterator[DriverConnection]:
        """A driver connection for statements that only read, each seeing what is committed when it begins."""
        with _translated(), self._drivers.connection() as driver:
            yield driver

    @contextmanager
    def driver_write(self, *, together: bool = True) -> Iterator[DriverConnection]:
        """A driver connection in one transaction like that of `write`; not `together`, each statement commits by itself."""
        with self.driver() as driver:
            if together:
                driver.begin()
            yield driver
            if together:
                driver.commit()

    @contextmanager
    def driver_snapshot(self) -> Iterator[SharedSnapshot]:
        """Driver connections for statements that only read and all see one snapshot; on PostgreSQL several, on demand."""
        with ExitStack() as opened:
            more = (lambda: opened.enter_context(self.driver())) if self.is_postgresql else None
            snapshot = SharedSnapshot(opened.enter_context(self.driver()), more)
            yield snapshot
            for driver in snapshot.connections:
                driver.commit()

    @contextmanager
    def connection(self, **options: Any) -> Iterator[Connection]:
        """A connection of the engine with these execution options, for statements on tables without the ORM."""
        with _translated(), self.engine.execution_options(**options).connect() as connection:
            yield connection

    def server_time(self) -> datetime:
        """The server's current time, aware; of PostgreSQL only. Raises TransientError."""
        with self.read() as session:
            found: datetime = session.scalars(select(func.clock_timestamp())).one()
        return found

    def check(self) -> None:
        """Raise TransientError unless the database answers."""
        with self.read() as session:
            session.execute(text("SELECT 1"))

    def started_at(self) -> datetime | None:
        """When the PostgreSQL server was started, or last began anew after a crash of a process, in UTC; None on SQLite.

        No connection is older. Resetting the statistics of `bgwriter` by hand moves it, too. Raises TransientError.
        """
        if not self.is_postgresql:
            return None
        with self.read() as session:
            found: datetime = session.scalar(text(_STARTED_AT))
        return found.astimezone(UTC)

    def let_go_of_the_past(self) -> bool:
        """On SQLite, empty the log of what was written; False while somebody reads from it. PostgreSQL does it in time."""
        if self.is_postgresql:
            return True
        with self.connection() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute(f"PRAGMA busy_timeout={BRIEFLY}").close()  # writers wait as long as this waits for readers
            try:
                is_busy, *_ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                driver.execute(f"PRAGMA busy_timeout={LOCK_WAIT * 1000}").close()
        return not is_busy

    def close(self) -> None:
        """Close all pooled connections."""
        self._drivers.close()
        self.engine.dispose()
        self._idle.end_soon()

    def _pools(self) -> tuple[IdlePool, ...]:
        pool = self.engine.pool  # another one after each `dispose`
        return (
            (self._drivers, pool) if isinstance(pool, SessionPool) else ()
        )  # idle connections of SQLite cost no server process


def _refuse_to_write(state: ORMExecuteState) -> None:
    """For sessions that only read: a statement of theirs that writes would be committed at once, or never."""
    if state.is_insert or state.is_update or state.is_delete:
        raise RuntimeError("a statement that writes, in a session that only reads")


def _refuse_to_flush(*_: object) -> None:
    raise RuntimeError("a flush in a session that only reads")


def check_after_a_rest(connection: psycopg.Connection, record: ConnectionPoolEntry, _proxy: object) -> None:
    """Try a pooled connection that has not been used for a while: the server may have gone meanwhile."""
    returned_at = record.info.get("returned_at")
    if returned_at is None or time.monotonic() - returned_at < TRUSTED_FOR:
        return
    try:
        connection.execute("SELECT 1")
        connection.rollback()
    except psycopg.Error:
        raise DisconnectionError from None  # the pool makes a new one


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DATABASE_ERRORS as error:
        if is_reference_broken(error):
            raise RemovedMeanwhile from error
        if not is_outage(error):
            raise
        metrics.database_errors.add()
        raise TransientError(UNAVAILABLE) from error
