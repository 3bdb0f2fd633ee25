"""Occurrences counted by day, user, version, system and device: inside the database, so that few rows come out of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from typing import NamedTuple

from sqlalchemy import ColumnElement, Integer, and_, column, func, select, text, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.db.hot import as_rows, rows_of
from app.db.models.crash import Crash
from app.db.models.occurrence import Occurrence
from app.iso_time import INSTANT, LAST_INSTANT


class Span(NamedTuple):
    """Whose occurrences are counted, and of what time."""

    crash_ids: Sequence[int]  # at least one
    since: datetime  # inclusive
    until: datetime  # exclusive, but for LAST_INSTANT


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

WORK_MEMORY = "32MB"
"""What PostgreSQL may take for a table of users or values, each of its processes; more goes to its disk."""

_COLUMNS = {
    "app_version": (Occurrence.app_version,),
    "os": (Occurrence.os_name, Occurrence.os_version),
    "device_model": (Occurrence.device_model,),
}
FACTS = tuple(_COLUMNS)
"""What occurrences are counted by; a system is its name and its version."""


@contextmanager
def open_statistics(db: Database) -> Iterator[Session]:
    """A snapshot whose statements may use WORK_MEMORY, so that PostgreSQL counts in memory."""
    with db.snapshot() as session:
        if db.is_postgresql:  # by default it sorts all occurrences on its disk instead
            session.execute(text(f"SET LOCAL work_mem = '{WORK_MEMORY}'"))
        yield session


def named_crashes(session: Session, app_id: int, identifiers: Sequence[str]) -> list[NamedCrash]:
    """Those of an app's crashes that are named, by identifier; others are left out."""
    columns = [getattr(Crash, name) for name in NamedCrash._fields]
    wanted = select(*columns).where(Crash.app_id == app_id, Crash.identifier.in_(identifiers))
    return [NamedCrash(*row) for row in session.execute(wanted.order_by(Crash.identifier))]


def count_days(session: Session, span: Span, days: Sequence[date]) -> dict[int, list[int]]:
    """By crash the occurrences of each of these UTC days, in their order.

    Each is a range of the index, so nothing is sorted and, on PostgreSQL, no occurrence's row is read.
    """
    starts = [datetime.combine(day, time.min, UTC) for day in days]
    ends = [*starts[1:], span.until]
    ranges = [
        {"place": at, "start_at": max(start, span.since), "last_at": _last_before(min(end, span.until))}
        for at, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    at, kind = Integer(), Occurrence.__table__.c.occurred_at.type
    given = rows_of(dialect, column("place", at), column("start_at", kind), column("last_at", kind))
    of_day = select(func.count()).where(
        Occurrence.crash_id == Crash.id,
        Occurrence.occurred_at >= given.c.start_at,
        Occurrence.occurred_at <= given.c.last_at,
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
    each = each.where(*_in_span(span), Occurrence.user_id.is_not(None))
    users = each.group_by(Occurrence.crash_id, Occurrence.user_id).subquery()
    counted = select(users.c.crash_id, func.count(), func.sum(users.c.n)).group_by(users.c.crash_id)
    return {crash_id: Users(number, int(known)) for crash_id, number, known in session.execute(counted)}


def count_fact(session: Session, span: Span, fact: str, most: int) -> list[CrashCounts]:
    """The `most` most frequent values of one of FACTS, and before them how many occurrences tell none."""
    columns = _COLUMNS[fact]
    is_unknown = and_(*(column.is_(None) for column in columns))
    number = func.count().label("n")
    counted = select(*columns, number).where(*_in_span(span)).group_by(*columns)
    rows = session.execute(counted.order_by(is_unknown.desc(), number.desc(), *columns).limit(most + 1))
    return [CrashCounts(tuple(values), occurrences) for *values, occurrences in rows]


def count_versions(session: Session, span: Span, most: int) -> dict[int, list[CrashCounts]]:
    """By crash the `most` most frequent app versions, and before them how many occurrences tell none."""
    number = func.count().label("n")
    each = select(Occurrence.crash_id, Occurrence.app_version, number).where(*_in_span(span))
    versions = each.group_by(Occurrence.crash_id, Occurrence.app_version).subquery()
    order = (versions.c.app_version.is_(None).desc(), versions.c.n.desc(), versions.c.app_version)
    rank = func.row_number().over(partition_by=versions.c.crash_id, order_by=order).label("rank")
    ranked = select(versions, rank).subquery()
    wanted = select(ranked.c.crash_id, ranked.c.app_version, ranked.c.n).where(ranked.c.rank <= most + 1)
    found: dict[int, list[CrashCounts]] = {}
    for crash_id, version, occurrences in session.execute(wanted.order_by(ranked.c.crash_id, ranked.c.rank)):
        found.setdefault(crash_id, []).append(CrashCounts((version,), occurrences))
    return found


def _in_span(span: Span) -> list[ColumnElement[bool]]:
    crash = Occurrence.crash_id
    of_crash = crash == span.crash_ids[0] if len(span.crash_ids) == 1 else crash.in_(span.crash_ids)
    return [of_crash, Occurrence.occurred_at.between(span.since, _last_before(span.until))]


def _last_before(until: datetime) -> datetime:
    """The last instant that counts, for what ends with time itself has no first one behind it."""
    return until - INSTANT if until < LAST_INSTANT else LAST_INSTANT
