"""Statistics read from the figures that are kept of crashes: as many rows as there are days and values, not occurrences."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import Session

from app.db.models.crash_figure import ENVIRONMENT, FACTS, USER, VERSION, CrashFigure, known
from app.db.queries.counted_span import ANY, CrashCounts, FactFilter, Span, Users, of_figures


def count_days(session: Session, span: Span, days: Sequence[date]) -> dict[int, list[int]]:
    """As `row_counts.count_days`."""
    found: dict[int, list[int]] = {crash_id: [0] * len(days) for crash_id in span.crash_ids}
    places = {day: place for place, day in enumerate(days)}
    counted = select(CrashFigure.crash_id, CrashFigure.day, func.sum(CrashFigure.occurrences))
    counted = counted.where(*_of_fact(span, span.facts[0] if span.facts else ANY))
    counted = counted.group_by(CrashFigure.crash_id, CrashFigure.day)
    for crash_id, day, number in session.execute(counted):
        found[crash_id][places[day]] = int(number)
    return found


def count_users(session: Session, span: Span) -> dict[int, Users]:
    """As `row_counts.count_users`, of all or of a version. Grouped twice: PostgreSQL counts distinct values by a sort."""
    users = FactFilter(USER, detail=span.facts[0].value if span.facts else None)
    each = select(CrashFigure.crash_id, func.sum(CrashFigure.occurrences).label("n")).where(*_of_fact(span, users))
    by_user = each.group_by(CrashFigure.crash_id, CrashFigure.value).subquery()
    counted = select(by_user.c.crash_id, func.count(), func.sum(by_user.c.n)).group_by(by_user.c.crash_id)
    return {crash_id: Users(number, int(named)) for crash_id, number, named in session.execute(counted)}


def count_fact(session: Session, span: Span, fact: str, most: int) -> list[CrashCounts]:
    """As `row_counts.count_fact`."""
    each = _values(span, fact).group_by(CrashFigure.value, CrashFigure.detail).subquery()
    columns = [known(each.c.value), known(each.c.detail)][: len(FACTS[fact])]
    is_unknown = and_(each.c.value == "", each.c.detail == "")
    ordered = select(*columns, each.c.n).order_by(is_unknown.desc(), each.c.n.desc(), *columns)
    return [CrashCounts(tuple(values), int(number)) for *values, number in session.execute(ordered.limit(most + 1))]


def count_environments(session: Session, span: Span) -> list[CrashCounts]:
    """As `row_counts.count_environments`."""
    number = func.sum(CrashFigure.occurrences).label("n")
    counted = select(known(CrashFigure.value), number).where(*_in_span(span, ENVIRONMENT)).group_by(CrashFigure.value)
    rows = session.execute(counted.order_by(number.desc(), CrashFigure.value))
    return [CrashCounts((value,), int(occurrences)) for value, occurrences in rows]


def count_versions(session: Session, span: Span, most: int) -> dict[int, list[CrashCounts]]:
    """As `row_counts.count_versions`, of all or of a version."""
    each = _values(span, VERSION).add_columns(CrashFigure.crash_id)
    each = each.where(*(condition for fact in span.facts for condition in of_figures(fact)))
    versions = each.group_by(CrashFigure.crash_id, CrashFigure.value, CrashFigure.detail).subquery()
    version = known(versions.c.value)
    order = ((versions.c.value == "").desc(), versions.c.n.desc(), version)
    rank = func.row_number().over(partition_by=versions.c.crash_id, order_by=order).label("rank")
    ranked = select(versions.c.crash_id, version.label("version"), versions.c.n, rank).subquery()
    wanted = select(ranked.c.crash_id, ranked.c.version, ranked.c.n).where(ranked.c.rank <= most + 1)
    found: dict[int, list[CrashCounts]] = {}
    for crash_id, value, number in session.execute(wanted.order_by(ranked.c.crash_id, ranked.c.rank)):
        found.setdefault(crash_id, []).append(CrashCounts((value,), int(number)))
    return found


def _values(span: Span, fact: str) -> Select[str, str, int]:
    number = func.sum(CrashFigure.occurrences).label("n")
    return select(CrashFigure.value, CrashFigure.detail, number).where(*_in_span(span, fact))


def has_users_by(facts: Sequence[FactFilter]) -> bool:
    """True where figures tell the users: of all occurrences, and of those of a version."""
    return all(fact.fact == VERSION and fact.value is not None for fact in facts)


def _of_fact(span: Span, fact: FactFilter) -> list[ColumnElement[bool]]:
    return [*_in_span(span, fact.fact), *of_figures(fact)]


def _in_span(span: Span, fact: str) -> list[ColumnElement[bool]]:
    days = CrashFigure.day.between(span.first_day, span.last_day)
    return [CrashFigure.crash_id.in_(span.crash_ids), CrashFigure.fact == fact, days]
