"""What a digest asks and writes about crashes that are resolved or ignored, on its driver connection; and what the sweep does."""

from collections.abc import Iterable
from datetime import date, datetime
from types import ModuleType
from typing import Any, NamedTuple

from sqlalchemy import Insert, Select, Update, bindparam, func, select, update
from sqlalchemy.orm import Session

from app.db.driver_pool import DriverConnection, Prepared
from app.db.hot import as_rows, insert_into, rows_of
from app.db.models.crash import Crash, CrashState
from app.db.models.crash_figure import USER, CrashFigure
from app.db.models.crash_history import CrashHistory, HistoryAction

_CRASH, _FIGURE, _HISTORY = Crash.__table__.c, CrashFigure.__table__.c, CrashHistory.__table__.c
OPEN_AGAIN: dict[str, Any] = {
    "state": CrashState.OPEN, "resolved_in": None, "terms": None, "ignored_until": None, "ignored_left": None
}  # fmt: skip
"""What the columns of an open crash hold, beside the time of the change."""


class ClosedCrash(NamedTuple):
    """A crash that is resolved or ignored, and what ends that."""

    id: int
    state: CrashState
    state_changed_at: datetime
    resolved_in: str | None
    terms: str | None
    ignored_until: datetime | None
    ignored_left: int | None


def find_closed(driver: DriverConnection, crash_ids: Iterable[int]) -> list[ClosedCrash]:
    """These crashes, whose rows the transaction has locked, without those that are open."""
    rows = as_rows({"id": crash_id} for crash_id in crash_ids)
    return [ClosedCrash(*row) for row in driver.rows(_FIND, rows=rows)]


def count_users_since(driver: DriverConnection, crash_id: int, since: date, most: int) -> int:
    """How many users a crash had on this UTC day and later, `most` at most."""
    found = driver.first(_COUNT_USERS, crash=crash_id, since=since, most=most)
    return int(found[0]) if found else 0


def look_again_after(driver: DriverConnection, crash_id: int, occurrences: int) -> None:
    """Have a digest look at an ignored crash again after so many occurrences more."""
    driver.change(_LOOK_AGAIN, crash=crash_id, left=occurrences)


def open_again(
    driver: DriverConnection, crash_id: int, action: HistoryAction, version: str | None, now: datetime
) -> int:
    """Open a crash, and write it into its history; returns the row id of the entry."""
    driver.change(_REGRESS if action is HistoryAction.REGRESSED else _OPEN, crash=crash_id, now=now)
    written = driver.rows(_WRITE, crash=crash_id, now=now, action=action, version=version)
    return int(written[0][0])


def ignored_until_past(session: Session, now: datetime, limit: int) -> list[Crash]:
    """Crashes that were ignored until a day which has come, locked; those that are locked already are left out."""
    past = select(Crash).where(Crash.ignored_until <= now).order_by(Crash.ignored_until, Crash.id)
    return list(session.scalars(past.limit(limit).with_for_update(skip_locked=True)))


def _find(dialect: ModuleType) -> Select[Any]:
    given = rows_of(dialect, _CRASH.id)
    columns = [_CRASH[name] for name in ClosedCrash._fields]
    closed = select(*columns).join(given, given.c.id == _CRASH.id).where(_CRASH.state != CrashState.OPEN.value)
    return closed.order_by(_CRASH.id)


def _count_users(_: ModuleType) -> Select[Any]:
    of_crash = (_FIGURE.crash_id == bindparam("crash", type_=_FIGURE.crash_id.type), _FIGURE.fact == USER)
    since = _FIGURE.day >= bindparam("since", type_=_FIGURE.day.type)
    users = select(_FIGURE.value).where(*of_crash, since).distinct().limit(bindparam("most", type_=_CRASH.id.type))
    return select(func.count()).select_from(users.subquery())


def _look_again(_: ModuleType) -> Any:
    this = update(Crash).where(_CRASH.id == bindparam("crash", type_=_CRASH.id.type))
    return this.values(ignored_left=bindparam("left", type_=_CRASH.ignored_left.type))


def _opening(*also: str) -> Update:
    now: Any = bindparam("now", type_=_CRASH.state_changed_at.type)
    this = update(Crash).where(_CRASH.id == bindparam("crash", type_=_CRASH.id.type))
    return this.values(**OPEN_AGAIN, state_changed_at=now, **dict.fromkeys(also, now))


def _write(dialect: ModuleType) -> Any:
    values = {
        "crash_id": bindparam("crash", type_=_CRASH.id.type),
        "happened_at": bindparam("now", type_=_HISTORY.happened_at.type),
        "action": bindparam("action", type_=_HISTORY.action.type),
        "version": bindparam("version", type_=_HISTORY.version.type),
    }
    made: Insert = insert_into(dialect, CrashHistory).values(values)
    return made.returning(_HISTORY.id)


_FIND, _COUNT_USERS, _LOOK_AGAIN, _WRITE = (
    Prepared(_find),
    Prepared(_count_users),
    Prepared(_look_again),
    Prepared(_write),
)
_OPEN, _REGRESS = Prepared(lambda _: _opening()), Prepared(lambda _: _opening("regressed_at"))
