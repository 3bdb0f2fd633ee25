"""Filters by a fact of occurrences, as conditions on figures of crashes and on occurrences."""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.db.models.crash_figure import FACTS, KNOWN, TAG, CrashFigure
from app.db.models.occurrence import Occurrence
from app.db.queries.figures import tags_of


class FactFilter(NamedTuple):
    """An occurrence has this value of a fact. What is None leaves none out."""

    fact: str  # of app.db.models.crash_figure
    value: str | None = None  # of its first column; of a tag the name
    detail: str | None = None  # of its second column; of a tag the value
    is_loose: bool = False  # the value in capitals or not; the detail is a version, or one beneath it: 17 is 17.1 too


ANY = FactFilter("app_version")
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
