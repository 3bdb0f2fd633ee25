"""Driver connections: a pool of them, and the statements that run on them, compiled and prepared once.

A SQLAlchemy session spends several times as long on a small statement as the database does. The statements of every
poll and of every job therefore run on a connection of the driver; everything else uses sessions.
"""

import select
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Protocol, TypeVar

import psycopg
from psycopg import RawCursor, pq, sql
from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql.selectable import ExecutableReturnsRows

from app.db.errors import DRIVER_ERRORS

_DONE = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)

_SQLITE = SQLiteDialect_pysqlite(paramstyle="named")
_POSTGRESQL: Dialect = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
"""With parameters as PostgreSQL itself names them: the driver reads those of any other kind out of a statement at each use."""

Row = TypeVar("Row")
Row_co = TypeVar("Row_co", covariant=True)


class Compiled(Protocol[Row_co]):
    """The text of a statement for one database, and what turns values into the driver's and rows into the caller's."""

    sql: str
    query: str | bytes  # `sql`, as the driver takes it
    options: dict[str, Any]  # of the driver's `execute`

    def written(self, values: dict[str, Any]) -> dict[str, Any] | list[Any]:
        """The parameters as the driver takes them."""

    def read(self, row: tuple[Any, ...]) -> Row_co:
        """A row as the caller takes it."""


class Statement(Protocol[Row_co]):
    """What a driver connection runs: `Prepared`, or on PostgreSQL a `hot.SqlText`."""

    def compiled(self, dialect: Dialect) -> Compiled[Row_co]:
        """The statement for a database."""


class Prepared:
    """A statement with named parameters. `build` gets the dialect module of SQLAlchemy, for its `insert`.

    `binary`: PostgreSQL sends rows in binary form, which is quicker for long byte strings and for nothing else.
    """

    def __init__(self, build: Callable[[ModuleType], ExecutableReturnsRows], *, binary: bool = False) -> None:
        self._build = build
        self._binary = binary
        self._for: dict[str, _Compiled] = {}

    def compiled(self, dialect: Dialect) -> "_Compiled":
        """The statement in a dialect's own words."""
        found = self._for.get(dialect.name)
        if found is None:
            found = self._for[dialect.name] = _Compiled(self._build, dialect, self._binary)
        return found


class _Compiled:
    """SQL text, and what turns values into the driver's and back."""

    def __init__(self, build: Callable[[ModuleType], ExecutableReturnsRows], dialect: Dialect, binary: bool) -> None:
        is_postgresql = dialect.name == "postgresql"
        own: Dialect = _POSTGRESQL if is_postgresql else _SQLITE
        statement = build(postgresql if is_postgresql else sqlite)
        compiled = statement.compile(dialect=own)
        self.sql = str(compiled)
        self.query: str | bytes = self.sql.encode() if is_postgresql else self.sql
        self.options: dict[str, Any] = {"prepare": True, "binary": binary} if is_postgresql else {}
        self._places: list[str] | None = compiled.positiontup  # None: parameters go by name
        self._constants: dict[str, Any] = {}
        self._writers: dict[str, Callable[[Any], Any]] = {}
        for parameter, name in compiled.bind_names.items():
            writer = parameter.type.dialect_impl(own).bind_processor(own)
            if not parameter.required:
                self._constants[name] = writer(parameter.value) if writer else parameter.value
            elif writer:
                self._writers[name] = writer
        readers = [column.type.dialect_impl(own).result_processor(own, None) for column in statement.exported_columns]
        self._readers = [(place, reader) for place, reader in enumerate(readers) if reader]

    def written(self, values: dict[str, Any]) -> dict[str, Any] | list[Any]:
        """The parameters as the driver takes them."""
        if self._constants:
            values = {**self._constants, **values}
        for name, writer in self._writers.items():
            values[name] = writer(values[name])
        return values if self._places is None else [values[name] for name in self._places]

    def read(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """A row as the columns' types say."""
        read = list(row)
        for place, reader in self._readers:
            read[place] = reader(row[place])
        return tuple(read)


class DriverConnection:
    """A connection of the driver, in use by one thread. Each statement is a transaction of its own, unless after `begin`."""

    def __init__(self, connection: Any, dialect: Dialect) -> None:
        self.connection = connection
        self.returned_at = 0.0  # monotonic seconds
        self._dialect = dialect
        self._cursor: Any = RawCursor(connection) if self.is_postgresql else None
        self._done: set[Statement[object]] = set()
        self._sent: dict[bytes, bytes] = {}  # statement -> the name under which the server knows it

    @property
    def is_postgresql(self) -> bool:
        """False on SQLite."""
        return self._dialect.name == "postgresql"

    def first(self, statement: Statement[Row], **values: Any) -> Row | None:
        """Run a statement and return its first row, or None."""
        compiled = statement.compiled(self._dialect)
        cursor = self._run(compiled, values)
        row = cursor.fetchone()
        self._end(cursor)
        return None if row is None else compiled.read(row)

    def rows(self, statement: Statement[Row], **values: Any) -> list[Row]:
        """Run a statement and return all of its rows."""
        compiled = statement.compiled(self._dialect)
        cursor = self._run(compiled, values)
        found = cursor.fetchall()
        self._end(cursor)
        return [compiled.read(row) for row in found]

    def change(self, statement: Statement[object], **values: Any) -> int:
        """Run a statement that writes and returns no rows; returns how many rows it changed."""
        cursor = self._run(statement.compiled(self._dialect), values)
        changed = int(cursor.rowcount)
        self._end(cursor)
        return changed

    def send(self, query: bytes) -> None:
        """On PostgreSQL, send a statement without waiting for its end, which `receive` does; prepare it at its first use."""
        pgconn = self.connection.pgconn
        name = self._sent.get(query)
        if name is None:
            name = self._sent[query] = b"sent_%d" % len(self._sent)
            pgconn.prepare(name, query)
        pgconn.send_query_prepared(name, None)
        pgconn.flush()

    def receive(self) -> None:
        """Wait for the end of what was sent."""
        pgconn = self.connection.pgconn
        incoming = select.poll()
        incoming.register(pgconn.socket, select.POLLIN)
        while pgconn.is_busy():
            incoming.poll()
            pgconn.consume_input()
        while (result := pgconn.get_result()) is not None:
            if result.status not in _DONE:
                raise psycopg.OperationalError(result.get_error_message())

    def once(self, statement: Statement[object]) -> None:
        """Run a statement unless it has been run on this connection."""
        if statement not in self._done:
            self.first(statement)
            self._done.add(statement)

    def begin(self) -> None:
        """Begin a transaction; it ends with `commit`, or with the connection."""
        self.connection.execute("BEGIN IMMEDIATE" if self._dialect.name == "sqlite" else "BEGIN")

    def begin_snapshot(self, snapshot: str | None = None) -> None:
        """Begin a read-only transaction with one snapshot: the exported `snapshot` of PostgreSQL, else a new one."""
        is_sqlite = self._dialect.name == "sqlite"
        self.connection.execute("BEGIN" if is_sqlite else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        if snapshot is not None:
            self.connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot))

    def snapshot(self) -> str:
        """Export the snapshot of this transaction; returns the name under which other connections import it."""
        return str(self.connection.execute("SELECT pg_export_snapshot()").fetchone()[0])

    def commit(self) -> None:
        """Commit what was begun."""
        self.connection.execute("COMMIT")

    def _end(self, cursor: DBAPICursor) -> None:
        if cursor is not self._cursor:
            cursor.close()

    def _run(self, compiled: Compiled[object], values: dict[str, Any]) -> DBAPICursor:
        cursor: DBAPICursor = self._cursor or self.connection.cursor()
        cursor.execute(compiled.query, compiled.written(values), **compiled.options)
        return cursor


class SharedSnapshot:
    """Connections on which every statement sees the same snapshot."""

    def __init__(self, first: DriverConnection, more: Callable[[], DriverConnection] | None) -> None:
        first.begin_snapshot()
        self.connections = [first]
        self._more = more  # None: the database cannot share a snapshot

    def widen(self, to: int) -> None:
        """Open connections until there are so many, where the database lets several share a snapshot."""
        while self._more is not None and len(self.connections) < to:
            snapshot = self.connections[0].snapshot()
            self.connections.append(self._more())
            self.connections[-1].begin_snapshot(snapshot)


def _nobody() -> None: ...


class DriverPool:
    """Idle driver connections. The one used last goes out first: its statements are prepared and its caches warm."""

    def __init__(
        self,
        connect: Callable[[], Any],
        dialect: Dialect,
        keep: int,
        trusted_for: float,
        made: type[DriverConnection] = DriverConnection,
    ) -> None:
        self._connect = connect
        self._made = made
        self._dialect = dialect
        self._keep = keep
        self._trusted_for = trusted_for
        self._idle: deque[DriverConnection] = deque()
        self.on_return: Callable[[], None] = _nobody

    @contextmanager
    def connection(self) -> Iterator[DriverConnection]:
        """A connection for the block. One on which a statement failed is closed. Raises DRIVER_ERRORS."""
        driver = self._take()
        try:
            yield driver
        except BaseException:
            driver.connection.close()
            raise
        driver.returned_at = time.monotonic()
        if len(self._idle) < self._keep:
            self._idle.append(driver)
            self.on_return()
        else:
            driver.connection.close()

    def close_idle(self, before: float) -> bool:
        """Close connections idle since before a time, in monotonic seconds; returns whether others are still idle."""
        while self._idle:
            try:
                driver = self._idle.popleft()
            except IndexError:  # another thread took the last one
                break
            if driver.returned_at >= before:
                self._idle.appendleft(driver)
                break
            driver.connection.close()
        return bool(self._idle)

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().connection.close()

    def _take(self) -> DriverConnection:
        while True:
            try:
                driver = self._idle.pop()
            except IndexError:
                return self._made(self._connect(), self._dialect)
            if time.monotonic() - driver.returned_at < self._trusted_for:
                return driver
            try:  # the server may have gone while it was not used
                driver.connection.execute("SELECT 1")
            except DRIVER_ERRORS:
                driver.connection.close()
            else:
                return driver
