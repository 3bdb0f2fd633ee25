"""Dates and times as clients write them."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from app import iso_time
from app.errors import BadParameters


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "first", "end"),
    [
        ("2018-09-13", utc(2018, 9, 13), utc(2018, 9, 14)),
        ("20180913", utc(2018, 9, 13), utc(2018, 9, 14)),
        ("2018-09-13T08:02:53Z", utc(2018, 9, 13, 8, 2, 53), utc(2018, 9, 13, 8, 2, 53, 1)),
        ("2018-09-13 08:02:53", utc(2018, 9, 13, 8, 2, 53), utc(2018, 9, 13, 8, 2, 53, 1)),
        ("2018-09-13T08:02:53+02:00", utc(2018, 9, 13, 6, 2, 53), utc(2018, 9, 13, 6, 2, 53, 1)),
        ("2018-09-13T08:02:53 02:00", utc(2018, 9, 13, 6, 2, 53), utc(2018, 9, 13, 6, 2, 53, 1)),
        ("1970-01-01", utc(1970, 1, 1), utc(1970, 1, 2)),
        ("0001-01-01", iso_time.FIRST_INSTANT, utc(1, 1, 2)),
        ("9999-12-30", utc(9999, 12, 30), utc(9999, 12, 31)),
        ("9999-12-31", utc(9999, 12, 31), None),
        ("9999-12-31T23:59:59.999999Z", iso_time.LAST_INSTANT, None),
    ],
)
def test_a_window_begins_at_since_and_ends_after_until(text, first, end):
    assert iso_time.since("since_date", text) == first
    assert iso_time.until("until_date", text) == end


@pytest.mark.parametrize("text", [None, ""])
def test_nothing_given_sets_no_bound(text):
    assert iso_time.since("since_date", text) is None
    assert iso_time.until("until_date", text) is None


def test_a_day_is_that_of_utc():
    assert iso_time.day("date", "2018-09-13") == date(2018, 9, 13)
    assert iso_time.day("date", "2018-09-13T01:00:00+02:00") == date(2018, 9, 12)


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (utc(2018, 9, 13, 8, 2, 53, 999_999), "2018-09-13T08:02:53Z"),
        (datetime(2018, 9, 13, 1, tzinfo=timezone(timedelta(hours=2))), "2018-09-12T23:00:00Z"),
        (utc(2, 1, 1), "0002-01-01T00:00:00Z"),
        (utc(9999, 12, 31, 23, 59, 59), "9999-12-31T23:59:59Z"),
    ],
)
def test_a_time_is_written_in_utc_with_a_year_of_four_digits(instant, text):
    assert iso_time.rfc3339(instant) == text


@pytest.mark.parametrize(
    "text",
    [
        "2018-02-30", "13-09-2018", "0000-01-01", "10000-01-01", "2018-13-01", "yesterday", "1536831773", "2018-09", "-1",
        "2018-09-13T25:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2018-09-13T08:02:53+99:00",
        "２０１８-09-13", "2018-09-13\0", "\0", " ", "T", "2018-09-13" + "0" * 50, "2018-09-13\ud800",
    ],
)  # fmt: skip
@pytest.mark.parametrize("read", [iso_time.since, iso_time.until, iso_time.day])
def test_what_is_no_date_is_refused_with_the_name_of_the_parameter(read, text):
    with pytest.raises(BadParameters, match=r"^since_date is not a date"):
        read("since_date", text)
