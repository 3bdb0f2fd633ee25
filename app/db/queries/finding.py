"""Finds the crashes of an app by time and by facts of their occurrences, each with what is counted of these.

One fact is answered by the figures of crashes, a combination by occurrences: as many as may be read. Times are whole UTC days.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Date, Select, String, Subquery, cast, func, literal, select, union_all
from sqlalchemy.orm import Session

from app.db.models.crash import SORTS, Crash, Wanted, conditions_of, crashes_of
from app.db.models.crash_assignee import CrashAssignee
from app.db.models.crash_figure import USER, CrashFigure
from app.db.models.occurrence import Occurrence
from app.db.models.user import User
from app.db.queries.counted_span import ANY, FactFilter, of_figures, of_occurrences
from app.db.queries.figure_counts import has_users_by
from app.db.queries.figures import has_missing
from app.errors import BadParameters
from app.iso_time import INSTANT

USERS = "users"
NOBODY = ""
FOUND_SORTS = (*SORTS, USERS)
MOST_READ = 200_000  # occurrences that a combination of facts may read
MOST_USERS_READ = 1_000_000  # occurrences whose users may be counted for an order
_END_OF_DAY = time(23, 59, 59, tzinfo=UTC)


class CrashFilter(NamedTuple):
    """Which crashes, and which of their occurrences count."""

    wanted: Wanted
    facts: tuple[FactFilter, ...] = ()
    assignee: int | str | None = None  # a user's row id or e-mail, or NOBODY; None: any

    @property
    def days(self) -> tuple[date | None, date | None]:
        """The first and the last UTC day that counts."""
        since, until = self.wanted.since, self.wanted.until
        last = (until - INSTANT).astimezone(UTC).date() if until else None
        return since.astimezone(UTC).date() if since else None, last

    @property
    def is_narrow(self) -> bool:
        """True when not all occurrences of a crash count."""
        return bool(self.facts or self.wanted.since or self.wanted.until)


class CrashMatch(NamedTuple):
    """A crash with what is counted of its occurrences that are sought."""

    crash: Crash
    occurrences_count: int
    first_seen: datetime  # to the day, where not all of its occurrences count
    last_seen: datetime
    users: int | None  # None: not counted

    def counts(self) -> dict[str, Any]:
        """All but the crash."""
        return {name: getattr(self, name) for name in self._fields[1:]}


class _MatchCounts(NamedTuple):
    """A row of what is counted."""

    occurrences: int | None = None  # None: a crash seen in that time whose clock said another day
    first: date | datetime | None = None
    last: date | datetime | None = None
    users: int | None = None


def find_crashes(
    session: Session,
    app_id: int,
    sought: CrashFilter,
    *,
    sort: str,
    limit: int,
    offset: int,
    is_ascending: bool = False,
) -> list[CrashMatch]:
    """Crashes that have such occurrences, by one of FOUND_SORTS. Raises BadParameters when too many would be read."""
    wanted, window, also = sought.wanted, {"limit": limit, "offset": offset}, _assigned(sought.assignee)
    if sort in SORTS and not sought.is_narrow:
        crashes = crashes_of(session, app_id, wanted, sort=sort, is_ascending=is_ascending, also=also, **window)
        return [CrashMatch(one, one.occurrences_count, one.first_seen, one.last_seen, None) for one in crashes]
    if sort == SORTS[0] and not sought.facts and not wanted.until:  # the latest one in that time is the latest of all
        crashes = crashes_of(session, app_id, wanted, sort=sort, is_ascending=is_ascending, also=also, **window)
        counted = _counted(session, [Crash.id.in_([one.id for one in crashes])], sought)
        rows = {row.crash_id: _MatchCounts(row.n, row.first, row.last) for row in session.execute(select(counted))}
        return [_result(one, rows.get(one.id, _MatchCounts())) for one in crashes]
    return _aggregated(session, app_id, sought, sort, is_ascending, window)


def _aggregated(
    session: Session, app_id: int, sought: CrashFilter, sort: str, is_ascending: bool, window: dict[str, int]
) -> list[CrashMatch]:
    of_app = [Crash.app_id == app_id, Crash.occurrences_count > 0, *_assigned(sought.assignee)]
    users: Subquery | None = None
    is_combined = len(sought.facts) > 1 or (sort == USERS and not has_users_by(sought.facts))
    if is_combined:
        counted = _by_occurrences(session, of_app, sought)
        users_column: ColumnElement[Any] = counted.c.users
    else:
        counted = _counted(session, of_app, sought)
        if sort == USERS:
            _check_users(session, of_app, sought)
            users = _users(session, of_app, sought)
        users_column = users.c.users if users is not None else literal(None)
    statement = select(Crash, counted.c.n, counted.c.first, counted.c.last, users_column)
    statement = statement.where(*of_app, *conditions_of(sought.wanted, timely=not sought.facts))
    statement = statement.join(counted, counted.c.crash_id == Crash.id, isouter=not sought.facts)
    if users is not None:
        statement = statement.join(users, users.c.crash_id == Crash.id, isouter=True)
    by: dict[str, tuple[Any, ...]] = {
        "occurrences_count": (func.coalesce(counted.c.n, 0), Crash.last_seen),
        "last_seen": (counted.c.last, Crash.last_seen),
        "first_seen": (counted.c.first, Crash.first_seen),
        USERS: (func.coalesce(users_column, 0), func.coalesce(counted.c.n, 0)),
    }
    order = (*by[sort], Crash.id)
    ordered = [column.asc().nulls_first() if is_ascending else column.desc().nulls_last() for column in order]
    rows = session.execute(statement.order_by(*ordered).limit(window["limit"]).offset(window["offset"]))
    return [_result(crash, _MatchCounts(*counts), is_by_users=sort == USERS) for crash, *counts in rows]


def _counted(session: Session, of_crashes: Sequence[ColumnElement[bool]], sought: CrashFilter) -> Subquery:
    """By crash: occurrences, first and last day, from figures; from occurrences where figures are not complete."""
    fact = sought.facts[0] if sought.facts else ANY
    kept = select(
        CrashFigure.crash_id,
        func.sum(CrashFigure.occurrences).label("n"),
        func.min(CrashFigure.day).label("first"),
        func.max(CrashFigure.day).label("last"),
    ).join(Crash, Crash.id == CrashFigure.crash_id)
    kept = kept.where(*of_crashes, *of_figures(fact), *_in_days(sought)).group_by(CrashFigure.crash_id)
    if not has_missing(session, of_crashes):
        return kept.subquery("counted")
    kept = kept.where(Crash.figures_revision == Crash.revision)
    missing = [*of_crashes, Crash.figures_revision != Crash.revision]
    read = _occurrences(session, missing, sought, (func.count(),), day_of=True).group_by(Occurrence.crash_id)
    return union_all(kept, read).subquery("counted")


def _by_occurrences(session: Session, of_app: Sequence[ColumnElement[bool]], sought: CrashFilter) -> Subquery:
    """The same of a combination of facts, with the users, from the occurrences of crashes that have each of the facts."""
    of_candidates = [*of_app, Crash.id.in_(_candidates(session, of_app, sought))]
    number = _number(session, of_candidates, sought)
    if number > MOST_READ:
        raise too_many_to_read(number)
    counts = (func.count().label("n"), func.count(Occurrence.user_id.distinct()).label("users"))
    return _occurrences(session, of_candidates, sought, counts).group_by(Occurrence.crash_id).subquery("counted")


def _candidates(session: Session, of_app: Sequence[ColumnElement[bool]], sought: CrashFilter) -> list[int]:
    """Crashes that have each of the facts at some time, by their figures, or whose figures are not complete."""
    found: set[int] | None = None
    for fact in sought.facts:
        counted = _counted(session, of_app, sought._replace(facts=(fact,)))
        with_fact = set(session.scalars(select(counted.c.crash_id)))
        found = with_fact if found is None else found & with_fact
    return sorted(found or ())


def too_many_to_read(number: int | None = None) -> BadParameters:
    """Several facts would have to read so many occurrences; None: nobody knows how many beyond MOST_READ."""
    told = (
        f"{number:,} occurrences here, more than {MOST_READ:,}"
        if number
        else f"more than {MOST_READ:,} occurrences here"
    )
    return BadParameters(
        f"Several filters, or one in the order of users, have to read {told}: choose a shorter time, or one filter"
    )


def _check_users(session: Session, of_app: Sequence[ColumnElement[bool]], sought: CrashFilter) -> None:
    number = _number(session, of_app, sought)
    if number > MOST_USERS_READ:
        raise BadParameters(
            f"sort: the users of {number:,} occurrences are more than can be counted for an order "
            f"({MOST_USERS_READ:,}): choose a shorter time"
        )


def _number(session: Session, of_crashes: Sequence[ColumnElement[bool]], sought: CrashFilter) -> int:
    """How many occurrences crashes have in that time."""
    counted = _counted(session, of_crashes, sought._replace(facts=()))
    return int(session.scalar(select(func.coalesce(func.sum(counted.c.n), 0))) or 0)


def _users(session: Session, of_app: Sequence[ColumnElement[bool]], sought: CrashFilter) -> Subquery:
    """By crash: distinct users. Grouped twice: PostgreSQL counts distinct values by a sort."""
    each = select(CrashFigure.crash_id, CrashFigure.value).join(Crash, Crash.id == CrashFigure.crash_id)
    version = sought.facts[0].value if sought.facts else None
    each = each.where(*of_app, *of_figures(FactFilter(USER, detail=version)), *_in_days(sought))
    each = each.group_by(CrashFigure.crash_id, CrashFigure.value)
    if has_missing(session, of_app):
        each = each.where(Crash.figures_revision == Crash.revision)
        missing = [*of_app, Crash.figures_revision != Crash.revision, Occurrence.user_id.is_not(None)]
        users = _occurrences(session, missing, sought, (func.count(),)).with_only_columns(
            Occurrence.crash_id, Occurrence.user_id
        )
        union = union_all(each, users.group_by(Occurrence.crash_id, Occurrence.user_id)).subquery()
    else:
        union = each.subquery()
    return select(union.c.crash_id, func.count().label("users")).group_by(union.c.crash_id).subquery("by_users")


def _occurrences(
    session: Session,
    of_crashes: Sequence[ColumnElement[bool]],
    sought: CrashFilter,
    counts: Sequence[ColumnElement[Any]],
    *,
    day_of: bool = False,
) -> Select[Any]:
    """Occurrences of crashes, in the days, with all facts; `day_of`: as figures tell days, else as instants."""
    first, last = func.min(Occurrence.occurred_at), func.max(Occurrence.occurred_at)
    ends = (_day(session, first), _day(session, last)) if day_of else (first, last)
    columns = (Occurrence.crash_id, counts[0], ends[0].label("first"), ends[1].label("last"), *counts[1:])
    statement = select(*columns).join(Crash, Crash.id == Occurrence.crash_id)
    statement = statement.where(*of_crashes, *(of_occurrences(session, fact) for fact in sought.facts))
    since, until = sought.days
    if since:
        statement = statement.where(Occurrence.occurred_at >= datetime.combine(since, time.min, UTC))
    if until:
        statement = statement.where(Occurrence.occurred_at <= datetime.combine(until, time.max, UTC))
    return statement


def _day(session: Session, at: ColumnElement[Any]) -> ColumnElement[Any]:
    if session.get_bind().dialect.name == "postgresql":
        return cast(at, Date)  # the session's zone is UTC
    return func.substr(cast(at, String), 1, 10)


def _assigned(assignee: int | str | None) -> list[ColumnElement[bool]]:
    if assignee is None:
        return []
    given = select(CrashAssignee.crash_id).where(CrashAssignee.crash_id == Crash.id)
    if assignee == NOBODY:
        return [~given.exists()]
    if isinstance(assignee, str):
        of_user = select(User.id).where(User.email == assignee.lower()).scalar_subquery()
        return [given.where(CrashAssignee.user_id == of_user).exists()]
    return [given.where(CrashAssignee.user_id == assignee).exists()]


def _in_days(sought: CrashFilter) -> list[ColumnElement[bool]]:
    since, until = sought.days
    found = [CrashFigure.day >= since] if since else []
    return [*found, CrashFigure.day <= until] if until else found


def _result(crash: Crash, counted: _MatchCounts, *, is_by_users: bool = False) -> CrashMatch:
    first, last = crash.first_seen, crash.last_seen
    if isinstance(counted.first, datetime) and isinstance(counted.last, datetime):
        first, last = counted.first, counted.last
    elif counted.first and counted.last:
        first = max(first, datetime.combine(counted.first, time.min, UTC))
        last = max(min(last, datetime.combine(counted.last, _END_OF_DAY)), first)
    users = (counted.users or 0) if is_by_users or counted.users is not None else None
    return CrashMatch(crash, int(counted.occurrences or 0), first, last, users)
