"""What statistics count, crashes within a time and filters by a fact of occurrences, and what comes of it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.db.models.crash_figure import FACTS, KNOWN, TAG, VERSION, CrashFigure
from app.db.models.occurrence import Occurrence
from app.db.queries.figures import tags_of
from app.iso_time import INSTANT, LAST_INSTANT


class FactFilter(NamedTuple):
    """An occurrence has this value of a fact. What is None leaves none out."""

    fact: str  # of app.db.models.crash_figure
    value: str | None = None  # of its first column; of a tag the name
    detail: str | None = None  # of its second column; of a tag the value
    is_loose: bool = False  # the value in capitals or not; the detail is a version, or one beneath it: 17 is 17.1 too


ANY = FactFilter(VERSION)
"""Every occurrence is counted by it once."""


def of_figures(fact: FactFilter) -> list[ColumnElement[bool]]:
    """Its conditions on figures."""
    found = [CrashFigure.fact == fact.fact]
    if fact.value is not None:
        column = func.lower(CrashFigure.value) if fact.is_loose else CrashFigure.value
        found.append(column == KNOWN + (fact.value.lower() if fact.is_loose else fact.value))
    if fact.detail is not None:
        found.append(_detail(CrashFigure.detail, KNOWN + fact.detail, is_loose=fact.is_loose))
    return found


def of_occurrences(session: Session, fact: FactFilter) -> ColumnElement[bool]:
    """Its condition on occurrences."""
    if fact.fact == TAG:
        tag = tags_of(session)
        named = select(tag.c.key).where(tag.c.key == fact.value, tag.c.value == fact.detail)
        return named.correlate(Occurrence).exists()
    columns = FACTS[fact.fact]
    found: list[ColumnElement[bool]] = []
    if fact.value is not None:
        column = func.lower(columns[0]) if fact.is_loose else columns[0]
        found.append(column == (fact.value.lower() if fact.is_loose else fact.value))
    if fact.detail is not None and columns[1] is Occurrence.handled:
        found.append(Occurrence.handled.is_(fact.detail == "true"))
    elif fact.detail is not None:
        found.append(_detail(columns[1], fact.detail, is_loose=fact.is_loose))
    return and_(true(), *found)


def _detail(
    column: ColumnElement[Any] | InstrumentedAttribute[Any], text: str, *, is_loose: bool
) -> ColumnElement[bool]:
    return or_(column == text, column.startswith(text + ".", autoescape=True)) if is_loose else column == text


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
