"""The days that statistics tell of."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from app import iso_time
from app.errors import BadParameters
from app.json_models import Query, Since, Until

MAX_DAYS = 1_100  # about three years; a longer time is cut to its newest days


class DatesQuery(Query):
    """The time that statistics tell of."""

    since_date: Annotated[Since, Field(description="First day (UTC) or time, ISO 8601")] = None
    until_date: Annotated[Until, Field(description="Last day (UTC) or time, ISO 8601")] = None


class Window(NamedTuple):
    """A time, and the UTC days that it touches."""

    since: datetime  # inclusive
    until: datetime  # exclusive; LAST_INSTANT: no occurrence is after
    first_day: date
    last_day: date

    def to_json(self) -> dict[str, Any]:
        """How a result names it."""
        return {"first_day": self.first_day.isoformat(), "last_day": self.last_day.isoformat()}

    @property
    def days(self) -> list[date]:
        """Every day, oldest first."""
        return [self.first_day + timedelta(days=at) for at in range((self.last_day - self.first_day).days + 1)]


def read_dates(query: Mapping[str, str]) -> dict[str, datetime | None]:
    """`since` and `until` of a request. Raises BadParameters."""
    since = iso_time.since("since_date", query.get("since_date"))
    until = iso_time.until("until_date", query.get("until_date"))
    if since and until and since >= until:
        raise BadParameters("until_date is before since_date")
    return {"since": since, "until": until}


def window(since: datetime | None, until: datetime | None, latest: datetime, days: int) -> Window:
    """From `since` to `until`; without `until` up to the day of the `latest` occurrence, without `since` that many days."""
    end = until or _after(max((latest, since) if since else (latest,)))
    last_day = (end - iso_time.INSTANT).astimezone(UTC).date()
    first_day = since.astimezone(UTC).date() if since else _days_before(last_day, days - 1)
    first_day = max(first_day, _days_before(last_day, MAX_DAYS - 1))
    start = datetime.combine(first_day, time.min, UTC)
    return Window(max(since, start) if since else start, end, first_day, last_day)


def _after(instant: datetime) -> datetime:
    """The end of its UTC day."""
    day = instant.astimezone(UTC).date()
    return datetime.combine(day + iso_time.DAY, time.min, UTC) if day < date.max else iso_time.LAST_INSTANT


def _days_before(day: date, number: int) -> date:
    return day - timedelta(days=min(number, (day - date.min).days))
