"""The database: transactions that behave the same on SQLite and PostgreSQL."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import psycopg
from sqlalchemy import (
    Connection,
    CursorResult,
    Engine,
    Update,
    create_engine,
    event,
    func,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import ORMExecuteState, Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from app.db.async_commit import DurabilityWait, SynchronousConnection, already_durable
from app.db.base import Base
from app.db.driver_pool import DriverConnection, DriverPool, SharedSnapshot
from app.db.errors import DATABASE_ERRORS, DRIVER_ERRORS, is_outage
from app.db.idle import IdlePool, IdleWatch, SessionPool
from app.errors import TransientError
from app.telemetry import metrics

TRUSTED_FOR = 1.0  # seconds after its last use that a pooled connection is not tried before the next
LOCK_WAIT = 10  # seconds a statement waits for another's lock before the request is answered with 503
CONNECT_WAIT = 3  # seconds
BRIEFLY = 50  # milliseconds
_STARTED_AT = "SELECT greatest(pg_postmaster_start_time(), (SELECT stats_reset FROM pg_stat_bgwriter))"
"""A server that begins anew after a crash of one process keeps its start time, but resets all statistics."""
UNAVAILABLE = "The database is unavailable, try again"


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
        try:
            with self._drivers.connection() as driver:
                yield driver
        except DRIVER_ERRORS as error:
            if not is_outage(error):
                raise
            metrics.database_errors.add()
            raise TransientError(UNAVAILABLE) from error

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


def open_database(url: str, pool_size: int = 8, *, async_commits: bool = True) -> Database:
    """Connect lazily to sqlite:/// (WAL, foreign keys on) or postgresql+psycopg://.

    `async_commits`: some statements are committed before PostgreSQL's disk has them (`app.db.async_commit`).
    """
    parsed = make_url(url)
    connect: Callable[[], sqlite3.Connection | psycopg.Connection]
    made = DriverConnection
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": LOCK_WAIT}, pool_size=pool_size, max_overflow=4)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        connect = partial(_connect_sqlite, str(parsed.database))
    else:
        # Statements count on seeing what was committed before they began, whatever the server's default is.
        options = f"-c timezone=UTC -c lock_timeout={LOCK_WAIT}s -c default_transaction_isolation=read\\ committed"
        engine = create_engine(
            url,
            poolclass=SessionPool,
            pool_size=pool_size,
            max_overflow=4,
            pool_timeout=LOCK_WAIT,
            pool_use_lifo=True,  # the same few connections again: they have the statements prepared
            connect_args={"connect_timeout": CONNECT_WAIT, "options": options},
        )
        event.listen(engine, "checkout", _check_after_a_rest)
        address = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
        # What is prepared is planned once, for to plan a poll takes longer than to run it; maybe while tables are small, where
        # to read one whole looks best. A scan by bitmap never notes which entries of an index are dead: of live jobs' most.
        options += " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off"
        connect = partial(psycopg.connect, address, autocommit=True, connect_timeout=CONNECT_WAIT, options=options)
        made = DriverConnection if async_commits else SynchronousConnection
    drivers = DriverPool(connect, engine.dialect, pool_size, TRUSTED_FOR, made)
    return Database(engine, drivers, async_commits=async_commits)


def rows_changed(session: Session, statement: Update) -> int:
    """Execute an UPDATE and return how many rows it changed, without touching objects in the session."""
    result = session.execute(statement, execution_options={"synchronize_session": False})
    assert isinstance(result, CursorResult)
    return int(result.rowcount)


def insert_or_ignore(session: Session, table: type[Base], values: dict[str, Any]) -> bool:
    """Insert one row; False when a row with the same unique key is there already."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(values).on_conflict_do_nothing()
    inserted = session.execute(statement.returning(*table.__table__.primary_key))  # psycopg gives no row count here
    return inserted.first() is not None


def _connect_sqlite(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=LOCK_WAIT, check_same_thread=False)  # one thread at a time has it
    _prepare_sqlite(connection, None)
    return connection


def _prepare_sqlite(connection: sqlite3.Connection, _record: ConnectionPoolEntry | None) -> None:
    connection.isolation_level = None  # transactions begin where _begin_sqlite says, not where the driver guesses
    # secure_delete: what is deleted is written over, not only set free.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _refuse_to_write(state: ORMExecuteState) -> None:
    """For sessions that only read: a statement of theirs that writes would be committed at once, or never."""
    if state.is_insert or state.is_update or state.is_delete:
        raise RuntimeError("a statement that writes, in a session that only reads")


def _refuse_to_flush(*_: object) -> None:
    raise RuntimeError("a flush in a session that only reads")


def _check_after_a_rest(connection: psycopg.Connection, record: ConnectionPoolEntry, _proxy: object) -> None:
    """Try a pooled connection that has not been used for a while: the server may have gone meanwhile."""
    returned_at = record.info.get("returned_at")
    if returned_at is None or time.monotonic() - returned_at < TRUSTED_FOR:
        return
    try:
        connection.execute("SELECT 1")
        connection.rollback()
    except psycopg.Error:
        raise DisconnectionError from None  # the pool makes a new one


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("crashq_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DATABASE_ERRORS as error:
        if not is_outage(error):
            raise
        metrics.database_errors.add()
        raise TransientError(UNAVAILABLE) from error
