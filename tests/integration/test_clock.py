"""One clock for all machines: the database's."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest

from app import clock as clock_module
from app.clock import DatabaseClock
from app.db import Database, open_database
from tests.servers import free_port, postgres_server


@pytest.fixture
def postgresql(postgres_url: str) -> Iterator[Database]:
    database = open_database(postgres_url)
    yield database
    database.close()


def test_a_machine_whose_clock_is_wrong_goes_by_the_databases(postgresql, monkeypatch):
    wrong = datetime.now(UTC) + timedelta(minutes=5)
    monkeypatch.setattr(clock_module, "utc_now", lambda: wrong)

    told = DatabaseClock(postgresql)()

    assert abs(told - datetime.now(UTC)) < timedelta(seconds=30)


def test_it_never_stands_still_nor_goes_back(postgresql):
    tell = DatabaseClock(postgresql)

    times = [tell() for _ in range(1_000)]

    assert times == sorted(times)
    assert times[-1] > times[0]


def test_it_goes_on_by_itself_while_the_database_is_away():
    database = open_database(f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none")
    try:
        told = DatabaseClock(database)()
    finally:
        database.close()

    assert abs(told - datetime.now(UTC)) < timedelta(seconds=30)


def test_it_looks_again_soon_after_a_look_in_vain(monkeypatch):
    wrong = datetime.now(UTC) + timedelta(days=1)
    monkeypatch.setattr(clock_module, "utc_now", lambda: wrong)
    monkeypatch.setattr(clock_module, "LOOK_AGAIN_AFTER", 0.0)
    port = free_port()
    database = open_database(f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres")
    tell = DatabaseClock(database)
    assert abs(tell() - wrong) < timedelta(seconds=30)

    with postgres_server(port):
        told = tell()

    database.close()
    assert abs(told - datetime.now(UTC)) < timedelta(seconds=30)


def test_looks_in_vain_cost_no_call_more_than_its_share(monkeypatch):
    database = open_database(f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none")
    looks: list[float] = []
    read = database.read
    monkeypatch.setattr(database, "read", lambda: (looks.append(time.monotonic()), read())[1])
    tell = DatabaseClock(database)

    for _ in range(1_000):
        tell()

    database.close()
    assert len(looks) == 1


def test_nobody_waits_for_the_look_of_another_thread(postgresql, monkeypatch):
    monkeypatch.setattr(clock_module, "SET_EVERY", 0.0)
    tell, read, looking, go_on = DatabaseClock(postgresql), postgresql.read, Event(), Event()
    tell()

    def slow_read():
        looking.set()
        assert go_on.wait(30)
        return read()

    monkeypatch.setattr(postgresql, "read", slow_read)
    looker = Thread(target=tell)
    looker.start()
    assert looking.wait(30)

    told = tell()

    go_on.set()
    looker.join()
    assert abs(told - datetime.now(UTC)) < timedelta(seconds=30)
