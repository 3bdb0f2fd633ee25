"""Opens the database, SQLite or PostgreSQL, and refuses a pooler that does not pool by session: statements are prepared."""

import sqlite3
import time
from collections.abc import Callable
from functools import partial

import psycopg
from sqlalchemy import Connection, create_engine, event, inspect, make_url, text
from sqlalchemy.pool import ConnectionPoolEntry

from app.db.async_commit import SynchronousConnection
from app.db.driver_pool import DriverConnection, DriverPool
from app.db.engine import LOCK_WAIT, TRUSTED_FOR, Database, SessionPool, check_after_a_rest
from app.errors import ConfigError

CONNECT_WAIT = 3  # seconds
SWITCH_PAUSE = 0.01  # seconds between two attempts to switch a new SQLite file to WAL
PAIRS = 3  # looks at two connections, which tell a pooler that pools by session
NEEDS_SESSIONS = (
    "DATABASE_URL leads to a pooler that pools by transaction or statement; crashq prepares statements on its"
    " connections, so it needs pool_mode = session there, or PostgreSQL itself"
)


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
        event.listen(engine, "checkout", check_after_a_rest)
        address = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
        # What is prepared is planned once, for to plan a poll takes longer than to run it; maybe while tables are small, where
        # to read one whole looks best. A scan by bitmap never notes which entries of an index are dead: of live jobs' most.
        options += " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off"
        connect = partial(psycopg.connect, address, autocommit=True, connect_timeout=CONNECT_WAIT, options=options)
        made = DriverConnection if async_commits else SynchronousConnection
    drivers = DriverPool(connect, engine.dialect, pool_size, TRUSTED_FOR, made)
    return Database(engine, drivers, async_commits=async_commits)


def _connect_sqlite(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=LOCK_WAIT, check_same_thread=False)  # one thread at a time has it
    _prepare_sqlite(connection, None)
    return connection


def _prepare_sqlite(connection: sqlite3.Connection, _record: ConnectionPoolEntry | None) -> None:
    connection.isolation_level = None  # transactions begin where _begin_sqlite says, not where the driver guesses
    _switch_to_wal(connection)
    # secure_delete: what is deleted is written over, not only set free.
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Retry for as long as a statement waits for a lock: SQLite's own wait does not cover the switch of a new file to WAL."""
    until = time.monotonic() + LOCK_WAIT
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
            return
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() > until:
                raise
        time.sleep(SWITCH_PAUSE)


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("crashq_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


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


def schema_version(connection: Connection) -> str | None:
    """The latest migration that was run, None when none was."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found
