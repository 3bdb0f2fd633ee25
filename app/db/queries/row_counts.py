"""Occurrences counted one by one by day, user, version, system and device, where no figures are kept or none of such a time."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time

from sqlalchemy import ColumnElement, Integer, and_, column, func, select, true
from sqlalchemy.orm import Session

from app.db.base import dialect_of
from app.db.hot import as_rows, rows_of
from app.db.models.crash import Crash
from app.db.models.crash_figure import FACTS
from app.db.models.occurrence import Occurrence
from app.db.queries.counted_span import CrashCounts, Span, Users, last_before, of_occurrences


def is_more_than(session: Session, span: Span, most: int) -> bool:
    """Whether there are more occurrences than `most`, whatever their facts; reads one more than these of the index."""
    some = select(Occurrence.id).where(*_of_time(span)).limit(most + 1).subquery()
    return (session.scalar(select(func.count()).select_from(some)) or 0) > most


def count_days(session: Session, span: Span, days: Sequence[date]) -> dict[int, list[int]]:
    """By crash the occurrences of each of these UTC days, in their order.

    Each is a range of the index, so nothing is sorted and, on PostgreSQL, no occurrence's row is read.
    """
    starts = [datetime.combine(day, time.min, UTC) for day in days]
    ends = [*starts[1:], span.until]
    ranges = [
        {"place": at, "start_at": max(start, span.since), "last_at": last_before(min(end, span.until))}
        for at, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]
    dialect = dialect_of(session)
    at, kind = Integer(), Occurrence.__table__.c.occurred_at.type
    given = rows_of(dialect, column("place", at), column("start_at", kind), column("last_at", kind))
    of_day = select(func.count()).where(
        Occurrence.crash_id == Crash.id,
        Occurrence.occurred_at >= given.c.start_at,
        Occurrence.occurred_at <= given.c.last_at,
        *_of_facts(session, span),
    )
    counted = select(Crash.id, given.c.place, of_day.scalar_subquery()).select_from(Crash).join(given, true())
    counted = counted.where(Crash.id.in_(span.crash_ids)).order_by(Crash.id, given.c.place)
    found: dict[int, list[int]] = {crash_id: [0] * len(days) for crash_id in span.crash_ids}
    for crash_id, place, number in session.execute(counted, {"rows": as_rows(ranges)}):
        found[crash_id][place] = number
    return found


def count_users(session: Session, span: Span) -> dict[int, Users]:
    """The users of each crash that has any."""
    each = select(Occurrence.crash_id, func.count().label("n"))
    each = each.where(*_in_span(session, span), Occurrence.user_id.is_not(None))
    users = each.group_by(Occurrence.crash_id, Occurrence.user_id).subquery()
    counted = select(users.c.crash_id, func.count(), func.sum(users.c.n)).group_by(users.c.crash_id)
    return {crash_id: Users(number, int(known)) for crash_id, number, known in session.execute(counted)}


def count_fact(session: Session, span: Span, fact: str, most: int) -> list[CrashCounts]:
    """The `most` most frequent values of a fact, and before them how many occurrences tell none."""
    columns = FACTS[fact]
    is_unknown = and_(*(column.is_(None) for column in columns))
    number = func.count().label("n")
    counted = select(*columns, number).where(*_in_span(session, span)).group_by(*columns)
    rows = session.execute(counted.order_by(is_unknown.desc(), number.desc(), *columns).limit(most + 1))
    return [CrashCounts(tuple(values), occurrences) for *values, occurrences in rows]


def count_environments(session: Session, span: Span) -> list[CrashCounts]:
    """Every environment, the most frequent first; an app has few."""
    number = func.count().label("n")
    counted = select(Occurrence.environment, number).where(
        *_in_span(session, span), Occurrence.environment.is_not(None)
    )
    rows = session.execute(counted.group_by(Occurrence.environment).order_by(number.desc(), Occurrence.environment))
    return [CrashCounts((value,), occurrences) for value, occurrences in rows]


def count_versions(session: Session, span: Span, most: int) -> dict[int, list[CrashCounts]]:
    """By crash the `most` most frequent app versions, and before them how many occurrences tell none."""
    number = func.count().label("n")
    each = select(Occurrence.crash_id, Occurrence.app_version, number).where(*_in_span(session, span))
    versions = each.group_by(Occurrence.crash_id, Occurrence.app_version).subquery()
    order = (versions.c.app_version.is_(None).desc(), versions.c.n.desc(), versions.c.app_version)
    rank = func.row_number().over(partition_by=versions.c.crash_id, order_by=order).label("rank")
    ranked = select(versions, rank).subquery()
    wanted = select(ranked.c.crash_id, ranked.c.app_version, ranked.c.n).where(ranked.c.rank <= most + 1)
    found: dict[int, list[CrashCounts]] = {}
    for crash_id, version, occurrences in session.execute(wanted.order_by(ranked.c.crash_id, ranked.c.rank)):
        found.setdefault(crash_id, []).append(CrashCounts((version,), occurrences))
    return found


def _in_span(session: Session, span: Span) -> list[ColumnElement[bool]]:
    return [*_of_time(span), *_of_facts(session, span)]


def _of_time(span: Span) -> list[ColumnElement[bool]]:
    crash = Occurrence.crash_id
    of_crash = crash == span.crash_ids[0] if len(span.crash_ids) == 1 else crash.in_(span.crash_ids)
    return [of_crash, Occurrence.occurred_at.between(span.since, span.last_instant)]


def _of_facts(session: Session, span: Span) -> list[ColumnElement[bool]]:
    return [of_occurrences(session, fact) for fact in span.facts]
