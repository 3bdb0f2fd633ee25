"""Statements on connections of their own, past the sessions (both databases)."""

import threading
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import bindparam, insert, select, text

from app.db.app import App
from app.db.prepared import Lane, Prepared
from app.errors import TransientError

NAME = "x' \"; --"
FOUND = Prepared(lambda _: select(App.name, App.created_at).where(App.identifier == bindparam("which")))
ADD = Prepared(
    lambda _: insert(App).values(
        identifier=bindparam("which"), name=bindparam("its_name"), ingest_key_hash="k", created_at=bindparam("now")
    )
)
WHEN = datetime(2018, 9, 13, 12, 0, 0, 123, tzinfo=UTC)


def add(lane) -> int:
    return lane.change(ADD, which="a" * 24, its_name=NAME, now=WHEN)


def test_values_come_back_as_the_columns_say_whatever_they_hold(services):
    with services.db.quick_write(together=False) as lane:
        assert add(lane) == 1

    with services.db.quick() as lane:
        assert lane.first(FOUND, which="a" * 24) == (NAME, WHEN)
        assert lane.first(FOUND, which="b" * 24) is None


def test_what_is_written_together_leaves_no_trace_when_it_fails(services):
    with pytest.raises(ZeroDivisionError), services.db.quick_write() as lane:
        _ = add(lane) / 0

    with services.db.quick() as lane:
        assert lane.first(FOUND, which="a" * 24) is None


def test_a_connection_is_used_again_and_one_that_failed_is_not(services):
    with services.db.quick() as lane:
        first = lane.connection
    with pytest.raises(ZeroDivisionError), services.db.quick() as lane:
        _ = (lane.connection is first) / 0

    with services.db.quick() as lane:
        assert lane.connection is not first


def test_what_is_asked_once_is_asked_again_only_on_another_connection(services, monkeypatch):
    asked = []
    monkeypatch.setattr(Lane, "first", lambda lane, statement: asked.append((lane, statement)))

    with services.db.quick() as one, services.db.quick() as other:
        for lane in (one, other, one):
            lane.once(FOUND)

    assert asked == [(one, FOUND), (other, FOUND)]


def test_two_threads_have_a_connection_each(services):
    used, met = set(), threading.Barrier(2)

    def use() -> None:
        with services.db.quick() as lane:
            met.wait()
            used.add(id(lane.connection))

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(used) == 2


def test_no_more_connections_are_kept_than_the_pool_may_have(services):
    lanes, keep = services.db._lanes, services.db._lanes._keep
    held = [lanes.lane() for _ in range(keep + 3)]
    connections = [one.__enter__().connection for one in held]
    for one in held:
        one.__exit__(None, None, None)

    assert len(lanes._waiting) == keep
    assert len({id(connection) for connection in connections}) == keep + 3


@pytest.fixture
def cut(services):
    """End every connection that waits, as a restart of the server does."""

    def end_all() -> None:
        with services.db.read() as session:
            session.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ANY(:pids)"),
                {"pids": [lane.connection.info.backend_pid for lane in services.db._lanes._waiting]},
            )

    return end_all


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has no server
def test_a_server_that_went_is_an_outage_once_for_each_connection(services, cut):
    with services.db.quick():
        pass
    cut()

    with pytest.raises(TransientError), services.db.quick() as lane:
        lane.first(FOUND, which="a" * 24)
    with services.db.quick() as lane:
        assert lane.first(FOUND, which="a" * 24) is None


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has no server
def test_a_connection_that_has_rested_is_tried_first(services, cut, monkeypatch):
    with services.db.quick():
        pass
    monkeypatch.setattr(services.db._lanes, "_trusted_for", 0.0)
    cut()

    with services.db.quick() as lane:
        assert lane.first(FOUND, which="a" * 24) is None


def test_the_driver_reads_no_statement_for_its_parameters(services, monkeypatch):
    """It would do so at each use of a long one."""

    def refuse(*_: object) -> None:
        raise AssertionError("the text of a prepared statement was read")

    with services.db.quick_write(together=False) as lane:
        for reader in ("_query2pg", "_query2pg_nocache"):
            monkeypatch.setattr(psycopg._queries, reader, refuse)
        added = add(lane)
        found = lane.rows(FOUND, which="a" * 24)

    assert (added, found) == (1, [(NAME, WHEN)])
