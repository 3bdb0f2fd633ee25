"""Hours of a channel's time zone: when it is quiet, and when a summary is due."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MONDAY = 0
LATE = timedelta(days=1)  # a summary that could not be sent by then is left out


def quiet_until(now: datetime, zone: str, first: int | None, end: int | None) -> datetime | None:
    """The end of the quiet hours that it is now; None when it is not quiet. Hours are of the zone, from `first` up to `end`."""
    if first is None or end is None or first == end:
        return None
    local = now.astimezone(ZoneInfo(zone))
    is_quiet = first <= local.hour < end if first < end else local.hour >= first or local.hour < end
    if not is_quiet:
        return None
    day = local.date() + timedelta(days=1) if local.hour >= end else local.date()
    until = datetime.combine(day, time(end), local.tzinfo).astimezone(UTC)
    return until if until > now else now + timedelta(hours=1)  # an hour that clocks go through twice


def summary_due(now: datetime, zone: str, hour: int, days: int) -> tuple[datetime, date] | None:
    """The latest time of a summary that has come, and the first UTC day that it is about; None when it is long past.

    A summary of one day is due at that hour of each day, one of seven days on Mondays, for the days before.
    """
    local = now.astimezone(ZoneInfo(zone))
    day = local.date() - timedelta(days=(local.weekday() - MONDAY) if days > 1 else 0)
    for latest in (day, day - timedelta(days=days)):  # the one before, where the hour of this day is still to come
        due = datetime.combine(latest, time(hour), local.tzinfo).astimezone(UTC)
        if due <= now < due + LATE:
            return due, due.date() - timedelta(days=days)
    return None
