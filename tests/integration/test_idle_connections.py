"""Connections to PostgreSQL that nobody uses are given back, whatever else the process does."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest
from sqlalchemy import text

from app.db import Database, engine, open_database

GRACE = 20.0  # seconds for a connection to go
WATCH = "idle connections"  # the name of the thread

ENDING = """
import sys
from sqlalchemy import text
from app.db import open_database
database = open_database(sys.argv[1])
with database.read() as session:
    session.execute(text("SELECT 1"))
with database.driver() as connection:
    connection.connection.execute("SELECT 1")
print("done")
"""


@pytest.fixture
def database(postgres_database: str) -> Iterator[Database]:
    opened = open_database(postgres_database)
    yield opened
    opened.close()


@pytest.fixture
def connected(postgres_url: str, postgres_database: str) -> Iterator[Callable[[], set[int]]]:
    """The process ids of the server for the connections that the database has."""
    asked = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
    name = postgres_database.rpartition("/")[2]
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        yield lambda: {pid for (pid,) in connection.execute(asked, (name,))}


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + GRACE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def by_session(database: Database) -> int:
    with database.read() as session:
        return int(session.scalar(text("SELECT pg_backend_pid()")))


def by_driver_connection(database: Database) -> int:
    with database.driver() as connection:
        return int(connection.connection.info.backend_pid)


def use_many(database: Database, number: int) -> None:
    with ExitStack() as stack:
        for _ in range(number):
            stack.enter_context(database.read()).execute(text("SELECT 1"))
            stack.enter_context(database.driver())


def watchers() -> int:
    return sum(thread.name == WATCH for thread in threading.enumerate())


def test_a_process_that_does_nothing_any_more_holds_no_connection(database, connected, monkeypatch):
    monkeypatch.setattr(engine, "IDLE_FOR", 0.3)
    before = watchers()
    use_many(database, 5)
    assert len(connected()) == 10

    until(lambda: not connected())

    until(lambda: watchers() == before)


def test_connections_come_again_after_all_were_given_back(database, connected, monkeypatch):
    monkeypatch.setattr(engine, "IDLE_FOR", 0.3)
    for _ in range(2):
        use_many(database, 3)

        until(lambda: not connected())


@pytest.mark.parametrize("use", [by_session, by_driver_connection])
def test_what_a_peak_needed_is_given_back_and_what_is_in_use_stays(database, connected, monkeypatch, use):
    monkeypatch.setattr(engine, "IDLE_FOR", 0.5)
    use_many(database, 5)
    kept = use(database)

    def only_that_is_left() -> bool:
        assert use(database) == kept
        return connected() == {kept}

    until(only_that_is_left)


def test_a_connection_rests_for_less_than_that_and_is_used_again(database, connected):
    first = by_session(database), by_driver_connection(database)

    database._idle._close_idle()

    assert (by_session(database), by_driver_connection(database)) == first
    assert connected() == {*first}


def test_a_process_with_idle_connections_ends_at_once(postgres_database):
    ended = subprocess.run(
        [sys.executable, "-c", ENDING, postgres_database], capture_output=True, text=True, timeout=20, check=True
    )

    assert ended.stdout == "done\n"


def test_a_database_that_is_closed_leaves_no_thread(database):
    before = watchers()
    use_many(database, 1)
    assert watchers() == before + 1

    database.close()

    until(lambda: watchers() == before)


def test_a_database_that_is_used_after_it_was_closed_is_watched_again(database, connected, monkeypatch):
    monkeypatch.setattr(engine, "IDLE_FOR", 0.3)
    database.close()

    use_many(database, 2)

    until(lambda: not connected())


def test_sqlite_needs_no_watch(empty_database):
    database = open_database(f"sqlite:///{empty_database}")
    before = watchers()

    with database.read() as session:
        session.execute(text("SELECT 1"))

    assert watchers() == before
    database.close()
