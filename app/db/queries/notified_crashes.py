"""What notifications say of crashes, and which crashes their rules are about: read from the figures that are kept of crashes.

A crash whose figures are not complete is left to the next evaluation.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session, aliased

from app.db.models.crash import Crash, find_crash, newest_versions
from app.db.models.crash_figure import ENVIRONMENT, KNOWN, USER, VERSION, CrashFigure
from app.db.models.crash_history import CrashHistory

AMONG = 100  # newest occurrences whose version counts as the crash's
PER_READ = 500  # crashes
ROWS_PER_USER = 20  # a user has a row for each day
_COMPLETE = Crash.figures_revision == Crash.revision
_SUM: ColumnElement[int] = func.coalesce(func.sum(CrashFigure.occurrences), 0)


class NotifiedCrash(NamedTuple):
    """A crash as a message tells it."""

    identifier: str
    title: str
    version: str | None
    occurrences: int
    users: int | None  # None: not known


class DayCounts(NamedTuple):
    """A crash's occurrences of a day beside those of the days before."""

    identifier: str
    today: int
    before: int  # in all of these days
    days: int  # since it was first seen, 7 at most


class CrashInPeriod(NamedTuple):
    """A crash's occurrences in a period."""

    identifier: str
    title: str
    occurrences: int


class PeriodCounts(NamedTuple):
    """An app's occurrences in a period."""

    occurrences: int
    before: int  # in the period before, as long
    crashes: int
    new: int  # first seen in it
    most: list[CrashInPeriod]


def notified_crash(
    session: Session, app_id: int, identifier: str, environment: str | None = None
) -> NotifiedCrash | None:
    """The crash, or the one that it has been merged into; None when it is gone. Counts are of the environment, if given."""
    crash = find_crash(session, identifier)
    if crash is None or crash.app_id != app_id or not crash.occurrences_count:
        return None
    if environment is not None:
        return _in_environment(session, crash, environment)
    versions = newest_versions(session, crash.id, AMONG)
    users = _users(session, crash.id) if crash.figures_revision == crash.revision else None
    return NotifiedCrash(
        crash.identifier, crash.title, versions[0] if versions else None, crash.occurrences_count, users
    )


def titles_of(session: Session, app_id: int, identifiers: Sequence[str]) -> dict[str, str]:
    """Identifier -> title of those of the crashes that have occurrences."""
    found = select(Crash.identifier, Crash.title).where(Crash.app_id == app_id, Crash.identifier.in_(identifiers))
    return {row.identifier: row.title for row in session.execute(found.where(Crash.occurrences_count > 0))}


def new_crashes(session: Session, app_id: int, environment: str, since: date, today: date) -> Iterator[str]:
    """The crashes of the last two days that had no occurrence in the environment before the day `since`."""
    after = 0
    while True:
        found = select(Crash.id, Crash.identifier).join(CrashFigure, CrashFigure.crash_id == Crash.id)
        recent = (Crash.app_id == app_id, Crash.last_seen >= _midnight(today - timedelta(days=1)), _COMPLETE)
        found = found.where(*recent, *_counting(environment), Crash.id > after).group_by(Crash.id, Crash.identifier)
        rows = session.execute(
            found.having(func.min(CrashFigure.day) >= since).order_by(Crash.id).limit(PER_READ)
        ).all()
        for _, identifier in rows:
            yield identifier
        if len(rows) < PER_READ:
            return
        after = rows[-1][0]


def came_back_in(session: Session, app_id: int, identifier: str, environment: str, entry: int) -> bool:
    """Whether the version in which a crash has come back, by that entry of its history, occurs in the environment.

    Where the entry tells no version, any occurrence in the environment is enough.
    """
    crash = find_crash(session, identifier)
    if crash is None or crash.app_id != app_id:
        return False
    version = session.scalar(select(CrashHistory.version).where(CrashHistory.id == entry))
    of_version = [CrashFigure.detail == KNOWN + version] if version is not None else []
    rows = select(CrashFigure.day).where(CrashFigure.crash_id == crash.id, *_counting(environment), *of_version)
    return session.scalar(rows.limit(1)) is not None


def day_counts(
    session: Session, app_id: int, today: date, at_least: int, only: str = "", environment: str | None = None
) -> Iterator[DayCounts]:
    """The counts of each crash that occurred at least so often on the day, and was seen before it; or of one crash only."""
    after = 0
    while True:
        rows = session.execute(_day_counts(app_id, today, at_least, after, only, environment)).all()
        for _, identifier, first_seen, on_day, before in rows:
            first_day = first_seen.astimezone(UTC).date() if isinstance(first_seen, datetime) else first_seen
            days = min((today - first_day).days, 7)
            yield DayCounts(identifier, int(on_day), int(before), days)
        if len(rows) < PER_READ:
            return
        after = rows[-1][0]


def crashes_over(session: Session, app_id: int, users: int, since: date, today: date) -> Iterator[str]:
    """The crashes that more users have met than this, but no more up to the day before `since`.

    Only crashes of the last two days are looked at: no other one has new users.
    """
    after = 0
    recent = (Crash.app_id == app_id, Crash.last_seen >= _midnight(today - timedelta(days=1)), _COMPLETE)
    while True:
        found = select(Crash.id, Crash.identifier).where(*recent, Crash.occurrences_count > users, Crash.id > after)
        rows = session.execute(found.order_by(Crash.id).limit(PER_READ)).all()
        for crash_id, identifier in rows:
            if not _is_met_by_more(session, crash_id, users, since) and _is_met_by_more(session, crash_id, users):
                yield identifier
        if len(rows) < PER_READ:
            return
        after = rows[-1][0]


def period_counts(
    session: Session, app_id: int, first: date, last: date, most: int, environment: str | None = None
) -> PeriodCounts:
    """Count an app's occurrences from one UTC day to another, both included."""
    days = (last - first).days + 1
    counted = select(CrashFigure.crash_id, _SUM.label("n")).join(Crash, Crash.id == CrashFigure.crash_id)
    counted = counted.where(Crash.app_id == app_id, *_counting(environment)).group_by(CrashFigure.crash_id)
    now = counted.where(CrashFigure.day.between(first, last)).subquery()
    before = counted.where(CrashFigure.day.between(first - timedelta(days=days), first - timedelta(days=1))).subquery()
    crashes, occurrences = session.execute(
        select(func.count(), func.coalesce(func.sum(now.c.n), 0)).where(now.c.n > 0)
    ).one()
    earlier = session.scalar(select(func.coalesce(func.sum(before.c.n), 0))) or 0
    seen = Crash.first_seen >= _midnight(first), Crash.first_seen < _midnight(last + timedelta(days=1))
    new = session.scalar(select(func.count()).where(Crash.app_id == app_id, Crash.occurrences_count > 0, *seen))
    if environment is not None:
        firsts = counted.with_only_columns(func.min(CrashFigure.day).label("first")).subquery()
        new = session.scalar(select(func.count()).where(firsts.c.first.between(first, last)))
    top = select(Crash.identifier, Crash.title, now.c.n).join(now, now.c.crash_id == Crash.id).where(now.c.n > 0)
    rows = session.execute(top.order_by(now.c.n.desc(), Crash.id).limit(most))
    listed = [CrashInPeriod(identifier, title, int(number)) for identifier, title, number in rows]
    return PeriodCounts(int(occurrences), int(earlier), int(crashes), int(new or 0), listed)


def _counting(environment: str | None) -> list[ColumnElement[bool]]:
    """Figures that count each occurrence once: all, or those in an environment."""
    if environment is None:
        return [CrashFigure.fact == VERSION]
    return [CrashFigure.fact == ENVIRONMENT, CrashFigure.value == KNOWN + environment]


def _in_environment(session: Session, crash: Crash, environment: str) -> NotifiedCrash:
    """What figures tell of a crash in an environment; users they do not."""
    of_crash = (CrashFigure.crash_id == crash.id, *_counting(environment))
    number = session.scalar(select(_SUM).where(*of_crash)) or 0
    newest = select(CrashFigure.detail).where(*of_crash, CrashFigure.detail != "")
    version = session.scalar(newest.order_by(CrashFigure.day.desc(), CrashFigure.occurrences.desc()).limit(1))
    return NotifiedCrash(crash.identifier, crash.title, version and version.removeprefix(KNOWN), int(number), None)


def _users(session: Session, crash_id: int, before: date | None = None) -> int:
    """How many users a crash has had, or had before a day."""
    named = (CrashFigure.crash_id == crash_id, CrashFigure.fact == USER, CrashFigure.occurrences > 0)
    each = select(CrashFigure.value).where(*named)
    each = (each.where(CrashFigure.day < before) if before else each).group_by(CrashFigure.value)
    return session.scalar(select(func.count()).select_from(each.subquery())) or 0


def _is_met_by_more(session: Session, crash_id: int, users: int, before: date | None = None) -> bool:
    """Whether more users have met a crash, or had before a day; where some rows show it, the others are not read."""
    named = [CrashFigure.crash_id == crash_id, CrashFigure.fact == USER, CrashFigure.occurrences > 0]
    named += [CrashFigure.day < before] if before else []
    some = select(CrashFigure.value).where(*named).limit(ROWS_PER_USER * (users + 1)).subquery()
    number = session.scalar(select(func.count(some.c.value.distinct()))) or 0
    return number > users or _users(session, crash_id, before) > users


def _day_counts(  # type: ignore[no-untyped-def]
    app_id: int, today: date, at_least: int, after: int, only: str, environment: str | None
):
    number = CrashFigure.occurrences
    on_day = func.sum(case((CrashFigure.day == today, number), else_=0))
    earlier = func.sum(case((CrashFigure.day < today, number), else_=0))
    wanted = [
        Crash.app_id == app_id,
        Crash.last_seen >= _midnight(today),
        Crash.first_seen < _midnight(today),
        _COMPLETE,
    ]
    wanted += [Crash.identifier == only] if only else []
    span = CrashFigure.day.between(today - timedelta(days=7), today)
    first = _first_day_in(environment) if environment is not None else Crash.first_seen
    found = select(Crash.id, Crash.identifier, first, on_day, earlier)
    found = found.join(CrashFigure, CrashFigure.crash_id == Crash.id)
    found = found.where(*wanted, *_counting(environment), span, Crash.id > after)
    grouped = found.group_by(Crash.id, Crash.identifier, Crash.first_seen).having(on_day >= at_least)
    return grouped.order_by(Crash.id).limit(PER_READ)


def _first_day_in(environment: str) -> ColumnElement[date]:
    """The day of a crash's first occurrence in the environment."""
    other = aliased(CrashFigure)
    named = (other.crash_id == Crash.id, other.fact == ENVIRONMENT, other.value == KNOWN + environment)
    return select(func.min(other.day)).where(*named).correlate(Crash).scalar_subquery()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
