"""Statements on connections of their own, past the sessions (both databases)."""

import threading
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import bindparam, insert, select, text

from app.db.driver_pool import DriverConnection, Prepared
from app.db.models.app import App
from app.errors import TransientError

NAME = "x' \"; --"
FOUND = Prepared(lambda _: select(App.name, App.created_at).where(App.identifier == bindparam("which")))
ADD = Prepared(
    lambda _: insert(App).values(
        identifier=bindparam("which"), name=bindparam("its_name"), ingest_key_hash="k", created_at=bindparam("now")
    )
)
WHEN = datetime(2018, 9, 13, 12, 0, 0, 123, tzinfo=UTC)


def add(driver) -> int:
    return driver.change(ADD, which="a" * 24, its_name=NAME, now=WHEN)


def test_values_come_back_as_the_columns_say_whatever_they_hold(services):
    with services.db.driver_write(together=False) as driver:
        assert add(driver) == 1

    with services.db.driver() as driver:
        assert driver.first(FOUND, which="a" * 24) == (NAME, WHEN)
        assert driver.first(FOUND, which="b" * 24) is None


def test_what_is_written_together_leaves_no_trace_when_it_fails(services):
    with pytest.raises(ZeroDivisionError), services.db.driver_write() as driver:
        _ = add(driver) / 0

    with services.db.driver() as driver:
        assert driver.first(FOUND, which="a" * 24) is None


def test_a_connection_is_used_again_and_one_that_failed_is_not(services):
    with services.db.driver() as driver:
        first = driver.connection
    with pytest.raises(ZeroDivisionError), services.db.driver() as driver:
        _ = (driver.connection is first) / 0

    with services.db.driver() as driver:
        assert driver.connection is not first


def test_what_is_asked_once_is_asked_again_only_on_another_connection(services, monkeypatch):
    asked = []
    monkeypatch.setattr(DriverConnection, "first", lambda driver, statement: asked.append((driver, statement)))

    with services.db.driver() as one, services.db.driver() as other:
        for driver in (one, other, one):
            driver.once(FOUND)

    assert asked == [(one, FOUND), (other, FOUND)]


def test_two_threads_have_a_connection_each(services):
    used, met = set(), threading.Barrier(2)

    def use() -> None:
        with services.db.driver() as driver:
            met.wait()
            used.add(id(driver.connection))

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(used) == 2


def test_no_more_connections_are_kept_than_the_pool_may_have(services):
    drivers, keep = services.db._drivers, services.db._drivers._keep
    held = [drivers.connection() for _ in range(keep + 3)]
    connections = [one.__enter__().connection for one in held]
    for one in held:
        one.__exit__(None, None, None)

    assert len(drivers._idle) == keep
    assert len({id(connection) for connection in connections}) == keep + 3


@pytest.fixture
def cut(services):
    """End every idle connection, as a restart of the server does."""

    def end_all() -> None:
        with services.db.read() as session:
            session.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ANY(:pids)"),
                {"pids": [driver.connection.info.backend_pid for driver in services.db._drivers._idle]},
            )

    return end_all


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has no server
def test_a_server_that_went_is_an_outage_once_for_each_connection(services, cut):
    with services.db.driver():
        pass
    cut()

    with pytest.raises(TransientError), services.db.driver() as driver:
        driver.first(FOUND, which="a" * 24)
    with services.db.driver() as driver:
        assert driver.first(FOUND, which="a" * 24) is None


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has no server
def test_a_connection_that_has_rested_is_tried_first(services, cut, monkeypatch):
    with services.db.driver():
        pass
    monkeypatch.setattr(services.db._drivers, "_trusted_for", 0.0)
    cut()

    with services.db.driver() as driver:
        assert driver.first(FOUND, which="a" * 24) is None


def test_the_driver_reads_no_statement_for_its_parameters(services, monkeypatch):
    """It would do so at each use of a long one."""

    def refuse(*_: object) -> None:
        raise AssertionError("the text of a prepared statement was read")

    with services.db.driver_write(together=False) as driver:
        for reader in ("_query2pg", "_query2pg_nocache"):
            monkeypatch.setattr(psycopg._queries, reader, refuse)
        added = add(driver)
        found = driver.rows(FOUND, which="a" * 24)

    assert (added, found) == (1, [(NAME, WHEN)])
