"""Shared by the job types that count occurrences: the window of days, the breakdown of facts by value, and the figures."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

from pydantic import Field

from app import iso_time
from app.crashes.facts import Facts
from app.db.queries.counted_span import CrashCounts
from app.errors import BadParameters
from app.jobs.job_type import AnyJob, Artefact, Body, Run, Showing
from app.json_models import Day, Query, ResponseBody, Since, Until
from app.redaction.crash_log import redact_facts
from app.redaction.rules import Rules

MAX_DAYS = 1_100  # about three years; a longer time is cut to its newest days
C = TypeVar("C", bound=ResponseBody)


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


class VersionCount(ResponseBody):
    """How often a version of the app met the crash."""

    app_version: str
    occurrences: int


class SystemCount(ResponseBody):
    """How often a version of a system met the crash."""

    os_name: str | None
    os_version: str | None
    occurrences: int


class DeviceCount(ResponseBody):
    """How often a model of a device met the crash."""

    device_model: str
    occurrences: int


class EnvironmentCount(ResponseBody):
    """How often the crash was met in an environment."""

    environment: str
    occurrences: int


class Breakdown(ResponseBody, Generic[C]):
    """The values of a fact by how often they occur."""

    top: list[C] = Field(description="The most frequent first")
    other: int = Field(description="Occurrences with another value")
    unknown: int = Field(description="Occurrences of which none is known")


class FiguresOfDays(ResponseBody):
    """What crashes met from one day to another."""

    first_day: Day
    last_day: Day
    occurrences: int = Field(description="From the first day to the last")
    users: int = Field(description="Distinct ones, as far as logs name them")
    occurrences_without_user: int = Field(description="Occurrences that name no user")
    occurrences_per_day: list[int] = Field(description="Of every day, oldest first")
    app_versions: Breakdown[VersionCount]
    os_versions: Breakdown[SystemCount]
    device_models: Breakdown[DeviceCount]
    environments: Breakdown[EnvironmentCount]


BREAKDOWNS = {
    "app_versions": ("app_version", ("app_version",)),
    "os_versions": ("os", ("os_name", "os_version")),
    "device_models": ("device_model", ("device_model",)),
}
"""By its name in the result: the fact, and what its values are called. Environments are counted apart."""


def breakdown(
    counted: Iterable[CrashCounts], names: tuple[str, ...], total: int, most: int, rules: Rules
) -> dict[str, Any]:
    """`{"top":[{<name>:<value>,"occurrences":n}],"other":n,"unknown":n}`; values are those that the app lets out.

    `counted` has the most frequent values of `total` occurrences, at most `most`, and those of which it is unknown.
    """
    unknown = 0
    known: dict[tuple[str | None, ...], int] = {}  # different values may be alike once redacted
    for values, occurrences in counted:
        if all(value is None for value in values):
            unknown = occurrences
            continue
        redacted = redact_facts(Facts(**dict(zip(names, values, strict=True))), rules)
        shown = tuple(getattr(redacted, name) for name in names)
        known[shown] = known.get(shown, 0) + occurrences
    frequent = sorted(known.items(), key=lambda one: (-one[1], [value or "" for value in one[0]]))[:most]
    top = [{**dict(zip(names, values, strict=True)), "occurrences": number} for values, number in frequent]
    return {"top": top, "other": total - unknown - sum(number for _, number in frequent), "unknown": unknown}


def environments(counted: Iterable[CrashCounts], total: int, most: int, rules: Rules) -> dict[str, Any]:
    """The same of environments; `counted` has all of them and none of which it is unknown."""
    known: Counter[str] = Counter()
    for (value,), occurrences in counted:
        known[rules.text(value or "")] += occurrences
    frequent = sorted(known.items(), key=lambda one: (-one[1], one[0]))[:most]
    top = [{"environment": value, "occurrences": number} for value, number in frequent]
    return {
        "top": top,
        "other": known.total() - sum(number for _, number in frequent),
        "unknown": total - known.total(),
    }


def store_figures(run: Run, figures: dict[str, Any], identifier: str) -> Artefact:
    """Store them as a file named after what they are about."""
    content = json.dumps(figures, separators=(",", ":"), ensure_ascii=False).encode()
    return run.store("statistics.json", (content,), f"{identifier}-statistics.json", "application/json", in_row=True)


def show_figures(job: AnyJob, showing: Showing) -> Body:
    """The figures of a finished job; null of a live one."""
    if job.is_live:
        return Body.of(b"null")
    if job.result_text is not None:
        return Body.of(job.result_text.encode())
    assert job.result_key is not None
    assert job.result_size is not None
    return Body(job.result_size, showing.storage.stream(job.result_key, size=job.result_size))
