"""One clock for all machines: the database's."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from app import clock as clock_module
from app.clock import DatabaseClock
from app.db import Database, open_database
from tests.servers import free_port


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
