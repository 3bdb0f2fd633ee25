"""When the database server was started, by which an attempt that lost its database is told from one whose worker died."""

import os
import signal
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from app.db import Database, open_database
from app.errors import TransientError
from tests.servers import postgres_server

GRACE = 30.0  # seconds for PostgreSQL to begin anew


def await_answer(database: Database) -> None:
    deadline = time.monotonic() + GRACE
    while True:
        try:
            database.check()
            return
        except TransientError:
            assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_sqlite_has_no_server_that_was_started(empty_database):
    database = open_database(f"sqlite:///{empty_database}")

    assert database.started_at() is None

    database.close()


def test_a_postgresql_tells_when_it_was_started_and_when_it_began_anew_after_a_crash():
    begun = datetime.now(UTC)
    with postgres_server() as url:
        database = open_database(url)
        started = database.started_at()
        assert begun - timedelta(seconds=1) < started < datetime.now(UTC)
        assert database.started_at() == started
        with database.read() as session:
            victim = session.scalar(text("SELECT pg_backend_pid()"))
        killed = datetime.now(UTC)

        os.kill(victim, signal.SIGKILL)  # as the kernel does when memory is short: all connections end

        await_answer(database)
        assert killed < database.started_at() < datetime.now(UTC)
        database.close()
