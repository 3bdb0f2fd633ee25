"""What statistics count, and what comes of it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import NamedTuple

from app.db.queries.fact_filters import FactFilter
from app.iso_time import INSTANT, LAST_INSTANT


class Span(NamedTuple):
    """Whose occurrences are counted, and of what time."""

    crash_ids: Sequence[int]  # at least one
    since: datetime  # inclusive
    until: datetime  # exclusive, but for LAST_INSTANT
    kept: frozenset[int] = frozenset()  # of these crashes figures are kept, which tell of this time
    facts: tuple[FactFilter, ...] = ()  # that the occurrences have

    @property
    def first_day(self) -> date:
        """The UTC day of its beginning."""
        return self.since.astimezone(UTC).date()

    @property
    def last_day(self) -> date:
        """The UTC day of its last instant."""
        return self.last_instant.astimezone(UTC).date()

    @property
    def last_instant(self) -> datetime:
        """The last instant that counts, for what ends with time itself has no first one behind it."""
        return last_before(self.until)

    @property
    def is_of_whole_days(self) -> bool:
        """True when it begins and ends with a UTC day."""
        return all(at.astimezone(UTC).time() == time.min for at in (self.since, self.until) if at < LAST_INSTANT)

    def by_source(self) -> tuple["Span", "Span"]:
        """The same of the crashes of which figures are kept, and of the others."""
        kept = [crash_id for crash_id in self.crash_ids if crash_id in self.kept]
        other = [crash_id for crash_id in self.crash_ids if crash_id not in self.kept]
        return self._replace(crash_ids=kept), self._replace(crash_ids=other)


class NamedCrash(NamedTuple):
    """As much of a crash as its statistics are made from."""

    id: int
    identifier: str
    first_seen: datetime
    last_seen: datetime
    occurrences_count: int


class CrashCounts(NamedTuple):
    """A value of a fact and how many occurrences have it; all None: those of which it is unknown."""

    values: tuple[str | None, ...]
    occurrences: int


class Users(NamedTuple):
    """The users that occurrences name."""

    users: int  # distinct
    occurrences: int  # that name one


NOBODY = Users(0, 0)


def last_before(until: datetime) -> datetime:
    """The last instant before, or the last one of all."""
    return until - INSTANT if until < LAST_INSTANT else LAST_INSTANT
