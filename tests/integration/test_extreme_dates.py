"""Occurrences from the first to the last instant that can be written: none is missing from what shows them."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from app import create_app
from app.db.models.crash import Crash
from app.db.queries.long_list import long_list
from app.services import Services
from tests.factories import NOON, add_occurrence, make_crash

FIRST_INSTANT, LAST_INSTANT = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
LAST_DAY = datetime(9999, 12, 31, tzinfo=UTC)
EXTREMES = [
    FIRST_INSTANT,
    FIRST_INSTANT + timedelta(microseconds=1),
    datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    NOON,
    datetime(4001, 1, 1, tzinfo=UTC),
    LAST_DAY - timedelta(microseconds=1),
    LAST_DAY,
    LAST_DAY + timedelta(hours=12),
    LAST_INSTANT - timedelta(microseconds=1),
    LAST_INSTANT,
]


def crash_at(services: Services, app, times: list[datetime], round_: int = 0) -> Crash:
    crash = make_crash(services, app, occurrences=0)
    with services.db.write() as session:
        for number, time in enumerate(times):
            add_occurrence(session, crash, time, 100 * round_ + number)
        stored = session.get_one(Crash, crash.id)
        stored.occurrences_count = len(times)
        stored.first_seen, stored.last_seen = min(times), max(times)
    return crash


def test_a_list_has_as_many_rows_as_its_crash_counts_whatever_their_dates(services, member):
    draw = random.Random(9999)

    for round_ in range(20):
        times = draw.choices(EXTREMES, k=draw.randint(1, 12))
        crash = crash_at(services, member.app, times, round_)
        with long_list(services.db, crash.id) as found:
            rows = sum(batch.rows for batch in found.batches)
        with long_list(services.db, crash.id, offset=1, limit=100) as page:
            behind = sum(batch.rows for batch in page.batches)
        assert (rows, behind) == (len(times), len(times) - 1), times


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("", len(EXTREMES)),
        ("?page=1&per_page=100", len(EXTREMES)),
        ("?until_date=9999-12-31", len(EXTREMES)),
        ("?until_date=9999-12-31T23:59:59.999999Z", len(EXTREMES)),
        ("?until_date=9999-12-30", len(EXTREMES) - 4),
        ("?since_date=9999-12-31", 4),
        ("?since_date=0001-01-01&until_date=9999-12-31", len(EXTREMES)),
        ("?until_date=0001-01-01", 2),
    ],
)
def test_dates_choose_what_lies_within_them_up_to_the_last_instant(services, member, run_workers, query, number):
    crash = crash_at(services, member.app, EXTREMES)
    client = create_app(services).test_client()
    url = f"/api/crashes/{crash.identifier}/occurrences{query}"

    client.get(url, headers=member.headers)
    run_workers()

    answer = client.get(url, headers=member.headers)
    assert (answer.json["loading"], len(answer.json["result"])) == ([False], number)


def test_statistics_count_the_last_instant_of_the_last_day(services, member, run_workers):
    crash = crash_at(services, member.app, EXTREMES)
    client = create_app(services).test_client()
    url = f"/api/crashes/{crash.identifier}/statistics?since_date=9999-12-31"

    client.get(url, headers=member.headers)
    run_workers()

    figures = client.get(url, headers=member.headers).json["result"]
    assert (figures["occurrences"], figures["occurrences_per_day"]) == (4, [4])
