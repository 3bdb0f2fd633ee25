"""Counts of a whole app by day, user and fact: from the figures of its crashes, from occurrences where these are not complete."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import NamedTuple

from sqlalchemy import ColumnElement, String, Subquery, and_, cast, func, select, union_all
from sqlalchemy.orm import Session

from app.db.models.crash import Crash
from app.db.models.crash_figure import BY_VERSION, FACTS, USER, VERSION, CrashFigure, known
from app.db.models.occurrence import Occurrence
from app.db.queries.counted_span import CrashCounts, Users
from app.db.queries.figures import counted_rows, has_missing


class AppDays(NamedTuple):
    """Whose occurrences are counted, on which UTC days."""

    app_id: int
    first_day: date
    last_day: date


class AppTotals(NamedTuple):
    """Occurrences of each day, and how many crashes they are of."""

    per_day: dict[str, int]  # ISO 8601 -> occurrences, of days with any
    crashes: int


def count_app_days(session: Session, of: AppDays) -> AppTotals:
    """By day, and the crashes."""
    rows = _rows(session, of, VERSION)
    per_day = session.execute(select(rows.c.day, func.sum(rows.c.occurrences)).group_by(rows.c.day))
    crashes = session.scalar(select(func.count(rows.c.crash_id.distinct())))
    return AppTotals({day: int(number) for day, number in per_day}, crashes or 0)


def count_app_users(session: Session, of: AppDays) -> Users:
    """Distinct users, and the occurrences that name one. Grouped twice: PostgreSQL counts distinct values by a sort."""
    rows = _rows(session, of, USER)
    users = select(func.sum(rows.c.occurrences).label("n")).group_by(rows.c.value).subquery()
    number, named = session.execute(
        select(func.count(), func.coalesce(func.sum(users.c.n), 0)).select_from(users)
    ).one()
    return Users(number, int(named))


def count_app_fact(session: Session, of: AppDays, fact: str, most: int | None) -> list[CrashCounts]:
    """The `most` most frequent values of a fact, all with None, and before them how many occurrences tell none, if counted."""
    rows = _rows(session, of, fact)
    names = (rows.c.value, rows.c.detail)[: 1 if fact in BY_VERSION else len(FACTS[fact])]
    columns = [known(name) for name in names]
    is_unknown = and_(*(name == "" for name in names))
    number = func.sum(rows.c.occurrences)
    counted = select(*columns, number).group_by(*names).order_by(is_unknown.desc(), number.desc(), *names)
    limited = counted if most is None else counted.limit(most + 1)
    return [CrashCounts(tuple(values), int(occurrences)) for *values, occurrences in session.execute(limited)]


def _rows(session: Session, of: AppDays, fact: str) -> Subquery:
    """Rows of figures by one fact: those that are kept, and those that occurrences make where they are not complete."""
    of_app = [Crash.app_id == of.app_id]
    columns = (CrashFigure.crash_id, CrashFigure.fact, cast(CrashFigure.day, String).label("day"), CrashFigure.value,
               CrashFigure.detail, CrashFigure.occurrences)  # fmt: skip
    kept = select(*columns).join(Crash, Crash.id == CrashFigure.crash_id)
    kept = kept.where(*of_app, CrashFigure.fact == fact, CrashFigure.day.between(of.first_day, of.last_day))
    if not has_missing(session, of_app):
        return kept.subquery()
    missing = select(Crash.id).where(*of_app, Crash.figures_revision != Crash.revision)
    conditions: Sequence[ColumnElement[bool]] = [
        Occurrence.crash_id.in_(missing),
        Occurrence.occurred_at >= datetime.combine(of.first_day, time.min, UTC),
        Occurrence.occurred_at <= datetime.combine(of.last_day, time.max, UTC),
    ]
    kept = kept.where(Crash.figures_revision == Crash.revision)
    return union_all(kept, counted_rows(session, fact, conditions)).subquery()
