"""The days that statistics tell of."""

from datetime import UTC, date, datetime

import pytest

from app.errors import BadParameters
from app.jobs.statistics import MAX_DAYS, read_dates, window

NOON = datetime(2018, 9, 13, 12, tzinfo=UTC)
FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def asked(latest: datetime = NOON, days: int = 30, **query: str):
    """The window of a request's dates."""
    return window(latest=latest, days=days, **read_dates(query))


def test_without_dates_it_is_so_many_days_up_to_that_of_the_latest_occurrence():
    found = asked(days=3)

    assert (found.first_day, found.last_day) == (date(2018, 9, 11), date(2018, 9, 13))
    assert (found.since, found.until) == (datetime(2018, 9, 11, tzinfo=UTC), datetime(2018, 9, 14, tzinfo=UTC))


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ({"since_date": "2018-09-10"}, date(2018, 9, 10), date(2018, 9, 13)),
        ({"since_date": "2018-09-20"}, date(2018, 9, 20), date(2018, 9, 20)),  # after the latest occurrence
        ({"until_date": "2018-09-01"}, date(2018, 8, 3), date(2018, 9, 1)),
        ({"since_date": "2018-09-01", "until_date": "2018-09-01"}, date(2018, 9, 1), date(2018, 9, 1)),
        (
            {"since_date": "2018-09-01T10:00:00Z", "until_date": "2018-09-02T00:00:00Z"},
            date(2018, 9, 1),
            date(2018, 9, 2),
        ),
        ({"since_date": "9999-12-31"}, date(9999, 12, 31), date(9999, 12, 31)),
        ({"until_date": "0001-01-02"}, date(1, 1, 1), date(1, 1, 2)),
    ],
)
def test_dates_that_are_given_decide(query, first, last):
    found = asked(**query)

    assert (found.first_day, found.last_day) == (first, last)
    assert (found.days[0], found.days[-1], len(found.days)) == (first, last, (last - first).days + 1)


@pytest.mark.parametrize("latest", [FIRST, LAST])
def test_the_first_and_the_last_day_of_time_are_days_like_others(latest):
    assert asked(latest=latest).last_day == latest.date()


def test_times_of_a_day_stay_what_they_are():
    found = asked(since_date="2018-09-01T10:00:00Z", until_date="2018-09-02T11:00:00Z")

    assert (found.since.hour, found.until.hour) == (10, 11)


def test_a_time_that_is_too_long_is_cut_to_its_newest_days():
    found = asked(since_date="0001-01-01", until_date="2018-09-13")

    assert (found.last_day - found.first_day).days == MAX_DAYS - 1
    assert found.last_day == date(2018, 9, 13)
    assert found.since == datetime.combine(found.first_day, datetime.min.time(), UTC)


@pytest.mark.parametrize("until", ["2018-09-09", "2018-09-10T00:00:00Z"])
def test_a_time_that_ends_before_it_begins_is_refused_by_name(until):
    begins = "2018-09-10" if "T" not in until else "2018-09-10T00:00:01Z"

    with pytest.raises(BadParameters, match="until_date"):
        read_dates({"since_date": begins, "until_date": until})
