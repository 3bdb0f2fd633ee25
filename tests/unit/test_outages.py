"""Which errors of the drivers are outages, on both ways to a database."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.db import Database, open_database
from app.db.errors import is_outage, is_without_effect
from app.errors import RemovedMeanwhile, TransientError
from app.work.errors import Ending, sort

OTHERS = [
    psycopg.InterfaceError, errors.ReadOnlySqlTransaction, errors.IdleInTransactionSessionTimeout,
    errors.TransactionTimeout,
]  # fmt: skip
BUGS = [
    errors.SyntaxError, errors.UndefinedTable, errors.UndefinedColumn, errors.UniqueViolation, errors.NotNullViolation,
    errors.StringDataRightTruncation, errors.InFailedSqlTransaction, errors.FeatureNotSupported,
    psycopg.ProgrammingError,
]  # fmt: skip
NOBODY_LISTENS = "postgresql+psycopg://postgres@127.0.0.1:1/none"


def family(root: type[psycopg.Error]) -> Iterator[type[psycopg.Error]]:
    yield root
    for kind in root.__subclasses__():
        yield from family(kind)


OPERATIONAL = sorted(set(family(psycopg.OperationalError)), key=lambda kind: kind.__name__)
LIMITS = [kind for kind in OPERATIONAL if (kind.sqlstate or "").startswith("54")]  # a statement asks for too much


@pytest.fixture(scope="module")
def database(empty_database: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{empty_database}")
    yield opened
    opened.close()


def by_session(database: Database, error: Exception) -> None:
    with database.read():
        raise DBAPIError.instance("SELECT 1", {}, error, psycopg.Error)


def by_driver_connection(database: Database, error: Exception) -> None:
    with database.driver():
        raise error


def test_a_broken_reference_is_a_failure_of_work_and_so_is_not_tried_for_ever(database):
    with pytest.raises(RemovedMeanwhile) as raised:
        by_session(database, errors.ForeignKeyViolation())

    assert sort(raised.value) == Ending.FAILURE


def test_the_families_are_those_that_the_driver_has():
    assert len(OPERATIONAL) > 90
    assert {"54000", "54001", "54011", "54023"} == {kind.sqlstate for kind in LIMITS}


@pytest.mark.parametrize("way", [by_session, by_driver_connection])
@pytest.mark.parametrize("kind", [kind for kind in OPERATIONAL if kind not in LIMITS] + OTHERS)
def test_an_operational_error_is_an_outage(database, kind, way):
    with pytest.raises(TransientError):
        way(database, kind("gone"))


@pytest.mark.parametrize("way", [by_session, by_driver_connection])
@pytest.mark.parametrize("kind", BUGS + LIMITS)
def test_a_wrong_statement_is_a_bug(database, kind, way):
    with pytest.raises((psycopg.Error, DBAPIError)):
        way(database, kind("wrong"))


@pytest.mark.parametrize("statement", ["SELECT * FROM nowhere", "SELEKT 1", "SELECT nonsense FROM apps"])
def test_a_statement_that_sqlite_cannot_read_is_a_bug(database, statement):
    with pytest.raises(DBAPIError), database.read() as session:
        session.execute(text(statement))
    with pytest.raises(sqlite3.OperationalError), database.driver() as connection:
        connection.connection.execute(statement)


def test_a_sqlite_that_lets_nobody_write_is_an_outage(empty_database):
    reader = sqlite3.connect(f"file:{empty_database}?mode=ro", uri=True)

    with pytest.raises(sqlite3.OperationalError) as raised:
        reader.execute("DELETE FROM apps")

    assert is_outage(raised.value)
    reader.close()


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), OSError("x"), sqlite3.IntegrityError("x")], ids=repr)
def test_what_is_no_error_of_a_connection_is_no_outage(error):
    assert not is_outage(error)


@pytest.mark.parametrize("kind", [errors.ReadOnlySqlTransaction, errors.DiskFull, errors.LockNotAvailable,
                                  errors.DeadlockDetected, errors.UniqueViolation, errors.TooManyConnections])  # fmt: skip
def test_what_the_server_refuses_has_no_effect(kind):
    assert is_without_effect(kind())
    assert is_without_effect(DBAPIError("INSERT", {}, kind()))


@pytest.mark.parametrize("kind", [psycopg.OperationalError, psycopg.InterfaceError, errors.AdminShutdown,
                                  errors.CrashShutdown, errors.ConnectionFailure, errors.IoError])  # fmt: skip
def test_nobody_knows_the_effect_of_a_statement_whose_connection_or_server_ended(kind):
    assert not is_without_effect(kind())


def test_a_statement_that_was_never_sent_has_no_effect():
    with pytest.raises(TransientError) as raised, open_database(NOBODY_LISTENS).driver():
        pass
    assert is_without_effect(raised.value)


@pytest.mark.parametrize("kind", [RuntimeError, TransientError])
def test_nobody_knows_the_effect_of_what_no_database_has_said(kind):
    assert not is_without_effect(kind())
