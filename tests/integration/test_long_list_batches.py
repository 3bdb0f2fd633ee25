"""A list as the database writes it, batch by batch (both databases): each row once, of one snapshot, on every connection."""

import json
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.db.models.crash import Crash
from app.db.models.occurrence import Occurrence
from app.db.queries import long_list as module
from app.db.queries.long_list import long_list
from app.services import Services
from tests.factories import NOON, add_newer, add_occurrence, make_crash


def listed(services: Services, crash: Crash, **window) -> list[dict[str, str]]:
    with long_list(services.db, crash.id, **window) as found:
        return [row for batch in found.batches for row in json.loads(b"[" + batch.text + b"]")]


def newest_first(services: Services, crash: Crash) -> list[str]:
    """Log ids, which are unique here."""
    of_crash = select(Occurrence.log_id).where(Occurrence.crash_id == crash.id)
    with services.db.read() as session:
        return list(session.scalars(of_crash.order_by(Occurrence.occurred_at.desc(), Occurrence.id.desc())))


def give_up(services: Services, crash: Crash) -> None:
    """Stop for an error after the first batch."""
    with long_list(services.db, crash.id) as found:
        next(found.batches)
        raise ZeroDivisionError


@pytest.fixture
def small_batches(monkeypatch) -> None:
    """So small that a few rows are a long list."""
    monkeypatch.setattr(module, "FIRST_ROWS", 2)
    monkeypatch.setattr(module, "ROWS_PER_BATCH", 3)
    monkeypatch.setattr(module, "LONG_FROM", 6)


def test_old_and_far_dates_are_listed_newest_first_with_four_digits_of_year(services, member):
    crash = make_crash(services, member.app, occurrences=0)
    with services.db.write() as session:
        for number, year in enumerate((1970, 2018, 9999, 2, 1969)):
            add_occurrence(session, crash, datetime(year, 1, 1, tzinfo=UTC), number)

    rows = listed(services, crash)

    assert [row["date"] for row in rows] == ["9999-01-01", "2018-01-01", "1970-01-01", "1969-01-01", "0002-01-01"]


def test_batches_follow_each_other_the_first_one_small(services, member, small_batches):
    crash = make_crash(services, member.app, occurrences=8)

    with long_list(services.db, crash.id) as found:
        batches = list(found.batches)

    assert (found.revision, found.rows) == (crash.revision, 8)
    assert [batch.rows for batch in batches] == [2, 3, 3]
    assert [len(json.loads(b"[" + batch.text + b"]")) for batch in batches] == [2, 3, 3]


@pytest.mark.parametrize("every", [timedelta(0), timedelta(minutes=1)], ids=["all at one time", "minute by minute"])
@pytest.mark.parametrize(("offset", "limit"), [(0, 2), (0, 3), (1, 4), (5, 100), (6, 1), (7, 5), (0, 7), (3, None)])
def test_a_window_has_each_of_its_rows_once(services, member, small_batches, every, offset, limit):
    crash = make_crash(services, member.app, occurrences=7, every=every)

    rows = listed(services, crash, offset=offset, limit=limit)

    assert [row["log_id"] for row in rows] == newest_first(services, crash)[offset:][:limit]


def test_times_include_the_first_and_leave_out_the_last(services, member, small_batches):
    crash = make_crash(services, member.app, occurrences=12)

    with long_list(services.db, crash.id, NOON - timedelta(days=9), NOON - timedelta(days=1)) as found:
        dates = [row["date"] for batch in found.batches for row in json.loads(b"[" + batch.text + b"]")]

    assert found.rows == 8
    assert dates == [f"{NOON - timedelta(days=days):%Y-%m-%d}" for days in range(2, 10)]


def test_every_connection_sees_the_snapshot_with_which_the_list_began(services, member, small_batches):
    crash = make_crash(services, member.app, occurrences=40, every=timedelta(minutes=1))
    before = newest_first(services, crash)

    with long_list(services.db, crash.id) as found:
        first = next(found.batches)
        add_newer(services, crash)
        with services.db.write() as session:
            session.query(Occurrence).filter(Occurrence.log_id == before[-1]).delete()
        rows = json.loads(b"[" + first.text + b"]") + [
            row for batch in found.batches for row in json.loads(b"[" + batch.text + b"]")
        ]

    assert [row["log_id"] for row in rows] == before


def test_a_list_given_up_half_way_leaves_connections_that_work(services, member, small_batches):
    crash = make_crash(services, member.app, occurrences=40)

    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            give_up(services, crash)

    assert len(listed(services, crash)) == 40


def peak(services: Services, crash: Crash) -> int:
    """Bytes of Python's at most at any time while a list is read."""
    tracemalloc.start()
    try:
        with long_list(services.db, crash.id) as found:
            rows = sum(batch.rows for batch in found.batches)
        assert rows == found.rows
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_ten_times_the_rows_take_no_more_memory(services, member, monkeypatch):
    monkeypatch.setattr(module, "FIRST_ROWS", 50)
    monkeypatch.setattr(module, "ROWS_PER_BATCH", 50)
    monkeypatch.setattr(module, "LONG_FROM", 100)
    some, many = (
        make_crash(
            services, member.app, occurrences=rows, every=timedelta(seconds=1), newest=NOON - timedelta(days=days)
        )
        for days, rows in ((0, 400), (1, 4_000))
    )
    peak(services, some)  # what is made once

    assert peak(services, many) < peak(services, some) + 100_000  # the 3,600 rows more have 430,000 bytes
