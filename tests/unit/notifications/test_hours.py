"""Hours of time zones: quiet ones over midnight and over changes of the clocks, and summaries that are late."""

from datetime import UTC, date, datetime

import pytest

from app.notifications.hours import quiet_until, summary_due


def utc(day: str, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).replace(hour=hour, minute=minute)


@pytest.mark.parametrize(
    ("now", "zone", "first", "end", "until"),
    [
        (utc("2026-11-30", 21, 30), "Europe/Paris", 22, 7, utc("2026-12-01", 6)),
        (utc("2026-12-01", 5, 59), "Europe/Paris", 22, 7, utc("2026-12-01", 6)),
        (utc("2026-12-01", 6), "Europe/Paris", 22, 7, None),
        (utc("2026-11-30", 20, 59), "Europe/Paris", 22, 7, None),
        (utc("2026-03-28", 22), "Europe/Paris", 22, 7, utc("2026-03-29", 5)),  # clocks go forward in this night
        (utc("2026-10-24", 21), "Europe/Paris", 22, 7, utc("2026-10-25", 6)),  # and back in this one
        (utc("2026-03-29", 0, 30), "Europe/Paris", 1, 2, utc("2026-03-29", 1)),  # to an hour that does not come
        (utc("2026-10-25", 1, 30), "Europe/Paris", 1, 3, utc("2026-10-25", 2)),  # in an hour that comes again
        (utc("2026-12-01", 18), "Asia/Kolkata", 23, 6, utc("2026-12-02", 0, 30)),
    ],
)
def test_quiet_hours_end_at_an_hour_of_the_zone_whatever_its_clocks_do(now, zone, first, end, until):
    assert quiet_until(now, zone, first, end) == until


@pytest.mark.parametrize(
    ("now", "days", "due"),
    [
        (utc("2026-12-01", 23), 1, (utc("2026-12-01", 23), date(2026, 11, 30))),
        (utc("2026-12-02", 0, 10), 1, (utc("2026-12-01", 23), date(2026, 11, 30))),  # no worker was there at its hour
        (utc("2026-12-01", 22, 59), 1, (utc("2026-11-30", 23), date(2026, 11, 29))),
        (utc("2026-12-01", 22, 59), 7, (utc("2026-11-30", 23), date(2026, 11, 23))),
        (utc("2026-12-01", 23), 7, None),
    ],
)
def test_a_summary_is_due_for_a_day_also_past_midnight(now, days, due):
    assert summary_due(now, "UTC", 23, days) == due
