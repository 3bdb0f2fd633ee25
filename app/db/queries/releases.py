"""What figures tell of the versions of an app: occurrences, users and crashes of each, and its sessions."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.db.models.crash import Crash
from app.db.models.crash_figure import ENVIRONMENT, KNOWN, USER, VERSION, CrashFigure
from app.db.models.crash_history import CrashHistory, HistoryAction
from app.db.models.occurrence import Occurrence
from app.db.models.session_day import SessionDay
from app.db.queries.finding import MOST_READ

AT_ONCE = 5_000  # rows

Found = Select[*tuple[Any, ...]]
"""A SELECT of some columns."""


class ReleaseScope(NamedTuple):
    """Of which app, time and environment figures are wanted."""

    app_id: int
    first_day: date
    last_day: date
    environment: str | None = None  # as figures have it; None: all


class CrashInVersion(NamedTuple):
    """Occurrences of one crash in one version."""

    crash_id: int
    version: str  # as figures have it
    first_day: date  # ever
    last_day: date
    occurrences: int  # of the scope's days


class SessionCounts(NamedTuple):
    """Sessions of one version and environment on one day."""

    version: str
    environment: str
    day: date
    sessions: int
    errored: int
    crashed: int
    abnormal: int


def crashes_in_versions(session: Session, scope: ReleaseScope) -> Iterator[CrashInVersion]:
    """Every version of every crash, crash by crash; no day is before the crash was first seen, whatever a device's clock said."""
    version, of_scope = _version_and_conditions(scope)
    number = func.sum(case((_in_days(CrashFigure.day, scope), CrashFigure.occurrences), else_=0))
    seen = (Crash.first_seen, Crash.last_seen)
    found = select(CrashFigure.crash_id, version, func.min(CrashFigure.day), func.max(CrashFigure.day), number, *seen)
    grouped = _of_app(found, scope, of_scope).group_by(CrashFigure.crash_id, version, *seen)
    for row in session.execute(grouped.order_by(CrashFigure.crash_id), execution_options={"yield_per": AT_ONCE}):
        crash_id, version_of_crash, first_day, last_day, occurrences, first_seen, last_seen = row
        first = max(first_day, first_seen.astimezone(UTC).date())
        last = max(min(last_day, last_seen.astimezone(UTC).date()), first)
        yield CrashInVersion(crash_id, version_of_crash, first, last, int(occurrences))


def occurrences_by_day(
    session: Session, scope: ReleaseScope, versions: Sequence[str]
) -> Iterator[tuple[str, date, int]]:
    """(version, day, occurrences) of the days that have any."""
    version, of_scope = _version_and_conditions(scope)
    found = select(version, CrashFigure.day, func.sum(CrashFigure.occurrences))
    chosen = (*of_scope, version.in_(versions), _in_days(CrashFigure.day, scope))
    for row in session.execute(_of_app(found, scope, chosen).group_by(version, CrashFigure.day)):
        yield row[0], row[1], int(row[2])


def users_of_versions(session: Session, scope: ReleaseScope, versions: Sequence[str]) -> dict[str, int]:
    """By version how many users met a crash in it, in any environment."""
    each = select(CrashFigure.detail.label("version"), CrashFigure.value)
    chosen = (CrashFigure.fact == USER, CrashFigure.detail.in_(versions), _in_days(CrashFigure.day, scope))
    users = _of_app(each, scope, chosen).group_by(CrashFigure.detail, CrashFigure.value).subquery()
    return {row[0]: row[1] for row in session.execute(select(users.c.version, func.count()).group_by(users.c.version))}


def users_in_environment(session: Session, scope: ReleaseScope, environment: str) -> dict[str, int] | None:
    """By version how many users met a crash in it, in one environment; None: that would read too many occurrences.

    Figures do not count users by environment. Read are the crashes that have occurrences in it in these days.
    """
    _, of_scope = _version_and_conditions(scope)
    in_days = _in_days(CrashFigure.day, scope)
    crashes = _of_app(select(CrashFigure.crash_id), scope, (*of_scope, in_days)).distinct()
    all_of_them = (CrashFigure.crash_id.in_(crashes), CrashFigure.fact == VERSION, in_days)
    if (session.scalar(select(func.sum(CrashFigure.occurrences)).where(*all_of_them)) or 0) > MOST_READ:
        return None
    days = (datetime.combine(scope.first_day, time.min, UTC), datetime.combine(scope.last_day, time.max, UTC))
    found = select(Occurrence.app_version, func.count(Occurrence.user_id.distinct()))
    found = found.where(Occurrence.crash_id.in_(crashes), Occurrence.occurred_at.between(*days))
    rows = session.execute(found.where(Occurrence.environment == environment).group_by(Occurrence.app_version))
    return {KNOWN + version if version is not None else "": number for version, number in rows}


def environments_of_versions(
    session: Session, scope: ReleaseScope, versions: Sequence[str]
) -> Iterator[tuple[str, str, int]]:
    """(version, environment, occurrences) as far as logs tell the environment."""
    found = select(CrashFigure.detail, CrashFigure.value, func.sum(CrashFigure.occurrences))
    chosen = (CrashFigure.fact == ENVIRONMENT, CrashFigure.detail.in_(versions), _in_days(CrashFigure.day, scope))
    for row in session.execute(_of_app(found, scope, chosen).group_by(CrashFigure.detail, CrashFigure.value)):
        yield row[0], row[1], int(row[2])


def session_counts(session: Session, scope: ReleaseScope) -> Iterator[SessionCounts]:
    """The sessions of the scope, without their users."""
    columns = [getattr(SessionDay, name) for name in SessionCounts._fields]
    for row in session.execute(_sessions(select(*columns), scope)):
        yield SessionCounts(*row)


def session_users(
    session: Session, scope: ReleaseScope, versions: Sequence[str]
) -> Iterator[tuple[str, str, bytes | None, bytes | None]]:
    """(version, environment, users, crashed users) of each day, as sketches."""
    columns = (SessionDay.version, SessionDay.environment, SessionDay.users, SessionDay.crashed_users)
    found = _sessions(select(*columns), scope).where(SessionDay.version.in_(versions))
    for row in session.execute(found, execution_options={"yield_per": 100}):
        yield row[0], row[1], row[2], row[3]


def first_and_last_session(session: Session, scope: ReleaseScope) -> dict[str, tuple[date, date]]:
    """By version the first and the last day that have sessions, ever."""
    found = select(SessionDay.version, func.min(SessionDay.day), func.max(SessionDay.day))
    chosen = [SessionDay.app_id == scope.app_id]
    if scope.environment is not None:
        chosen.append(SessionDay.environment == scope.environment)
    return {row[0]: (row[1], row[2]) for row in session.execute(found.where(*chosen).group_by(SessionDay.version))}


def regressions(session: Session, app_id: int) -> Iterator[tuple[str | None, int]]:
    """(version, crash) of crashes that came back after they had been resolved."""
    found = select(CrashHistory.version, CrashHistory.crash_id).join(Crash, Crash.id == CrashHistory.crash_id)
    chosen = found.where(Crash.app_id == app_id, CrashHistory.action == HistoryAction.REGRESSED)
    for row in session.execute(chosen.distinct(), execution_options={"yield_per": AT_ONCE}):
        yield row[0], row[1]


def incomplete_figures(session: Session, app_id: int) -> int:
    """How many crashes of an app have figures that workers still have to complete."""
    missing = select(func.count()).where(Crash.app_id == app_id, Crash.figures_revision != Crash.revision)
    return session.scalars(missing).one()


def crashes_by_row(session: Session, crash_ids: Sequence[int]) -> dict[int, Crash]:
    """Crashes by their row ids."""
    return {crash.id: crash for crash in session.scalars(select(Crash).where(Crash.id.in_(crash_ids)))}


def _version_and_conditions(scope: ReleaseScope) -> tuple[InstrumentedAttribute[str], tuple[ColumnElement[bool], ...]]:
    """The column that has the version, and which figures count: one for each occurrence, or those of one environment."""
    if scope.environment is None:
        return CrashFigure.value, (CrashFigure.fact == VERSION,)
    return CrashFigure.detail, (CrashFigure.fact == ENVIRONMENT, CrashFigure.value == scope.environment)


def _of_app(found: Found, scope: ReleaseScope, conditions: Sequence[ColumnElement[bool]]) -> Found:
    joined = found.join_from(CrashFigure, Crash, Crash.id == CrashFigure.crash_id)
    return joined.where(Crash.app_id == scope.app_id, *conditions)


def _sessions(found: Found, scope: ReleaseScope) -> Found:
    chosen = found.where(SessionDay.app_id == scope.app_id, _in_days(SessionDay.day, scope))
    return chosen if scope.environment is None else chosen.where(SessionDay.environment == scope.environment)


def _in_days(day: InstrumentedAttribute[date], scope: ReleaseScope) -> ColumnElement[bool]:
    return day.between(scope.first_day, scope.last_day)
