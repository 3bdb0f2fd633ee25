"""Dates and times as clients write them (ISO 8601), turned into UTC instants."""

import re
from datetime import UTC, date, datetime, time, timedelta

from app.errors import BadParameters

DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)  # what databases and programs tell apart
FIRST_INSTANT, LAST_INSTANT = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
"""All times that the database keeps are within these, bounds included: none is after LAST_INSTANT, so no time ends behind it."""
_SPACE_BEFORE_ZONE = re.compile(r" (\d{2}(:?\d{2})?)$")  # a "+" that was not escaped in a URL arrives as a space
MAX_LENGTH = 40  # characters; no ISO 8601 time is longer


def since(name: str, value: str | None) -> datetime | None:
    """First instant that counts: the time itself, or the start of a plain day (UTC). Raises BadParameters naming `name`."""
    if not value:
        return None
    parsed = _read(name, value)
    return parsed if isinstance(parsed, datetime) else datetime.combine(parsed, time.min, UTC)


def until(name: str, value: str | None) -> datetime | None:
    """First instant that counts no more: just after the time, or the end of a plain day (UTC). Raises BadParameters.

    None, which is no bound, where no instant comes after: LAST_INSTANT itself counts.
    """
    if not value:
        return None
    parsed = _read(name, value)
    if isinstance(parsed, datetime):
        return parsed + INSTANT if parsed < LAST_INSTANT else None
    return datetime.combine(parsed + DAY, time.min, UTC) if parsed < date.max else None


def day(name: str, value: str) -> date:
    """The day itself, or the UTC day of a time. Raises BadParameters naming `name`."""
    parsed = _read(name, value)
    return parsed.date() if isinstance(parsed, datetime) else parsed


def rfc3339(value: datetime) -> str:
    """`2018-09-13T08:02:53Z`, to the second."""
    utc = value.astimezone(UTC).replace(microsecond=0, tzinfo=None)
    return f"{utc.isoformat()}Z"  # strftime would write the year 2 as "2"


def _read(name: str, value: str) -> datetime | date:
    try:
        if len(value) > MAX_LENGTH or not value.isascii():
            raise ValueError
        if "T" not in value and " " not in value:
            return date.fromisoformat(value)
        parsed = datetime.fromisoformat(_SPACE_BEFORE_ZONE.sub(r"+\1", value))
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadParameters(f"{name} is not a date: write it as 2018-09-13 or 2018-09-13T08:02:53Z") from None
