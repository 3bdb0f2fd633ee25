"""When occurrences were seen: `seen_at` where the clock of the device was wrong, else `occurred_at`."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, and_, func, literal, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.db.base import rows_changed
from app.db.models.crash import Crash
from app.db.models.log import Log
from app.db.models.occurrence import Occurrence

CRASHES_AT_ONCE = 500


def first_and_last(session: Session, crash_id: int) -> tuple[datetime | None, datetime | None]:
    """When a crash was seen first and last, by the ends of two indexes; None where it has no occurrence."""
    own, other = Occurrence.occurred_at, Occurrence.seen_at
    ends = [_end(crash_id, column, is_last=is_last) for is_last in (False, True) for column in (own, other)]
    first, first_other, last, last_other = session.execute(select(*ends)).one()
    firsts = [time for time in (first, first_other) if time is not None]
    lasts = [time for time in (last, last_other) if time is not None]
    return min(firsts, default=None), max(lasts, default=None)


def crashes_with_wrong_times(session: Session, after: int, now: datetime, oldest: timedelta) -> list[tuple[int, str]]:
    """(row id, identifier) of some crashes behind `after` that were seen in the future or longer ago than is believed.

    A release without `seen_at` counted such times as they were.
    """
    suspect = or_(Crash.last_seen > now, Crash.first_seen < now - oldest)
    wrong = select(Occurrence.id).where(Occurrence.crash_id == Crash.id, _is_wrong(session, now, oldest)).exists()
    found = select(Crash.id, Crash.identifier).where(Crash.id > after, suspect, wrong)
    return [(row[0], row[1]) for row in session.execute(found.order_by(Crash.id).limit(CRASHES_AT_ONCE))]


def correct_times(session: Session, crash_id: int, now: datetime, oldest: timedelta) -> int:
    """Let such occurrences of a crash be seen when their logs arrived; returns how many there were."""
    crash = session.get(Crash, crash_id, with_for_update=True)
    if crash is None:
        return 0
    these = update(Occurrence).where(Occurrence.crash_id == crash_id, _is_wrong(session, now, oldest))
    changed = rows_changed(session, these.values(seen_at=_arrival()))
    first, last = first_and_last(session, crash_id)
    crash.first_seen, crash.last_seen = first or crash.first_seen, last or crash.last_seen
    crash.revision += 1
    session.flush()
    return changed


def _end(crash_id: int, column: InstrumentedAttribute[Any], *, is_last: bool) -> ScalarSelect[Any]:
    """By order and limit, which both databases read from the end of an index; of min() only PostgreSQL does so at times."""
    is_other = Occurrence.seen_at.is_not(None)
    these = (Occurrence.crash_id == crash_id, is_other if column is Occurrence.seen_at else ~is_other)
    order = column.desc() if is_last else column
    return select(column).where(*these).order_by(order).limit(1).scalar_subquery()


def _is_wrong(session: Session, now: datetime, oldest: timedelta) -> ColumnElement[bool]:
    """Looks for the arrival only where the index of occurrences leaves a doubt."""
    if session.get_bind().dialect.name == "postgresql":
        earliest: ColumnElement[Any] = _arrival() - literal(oldest)
    else:
        earliest = select(func.datetime(Log.received_at, f"-{oldest.days} days")).where(_OWN_LOG).scalar_subquery()
    too_early = and_(Occurrence.occurred_at < now - oldest, Occurrence.occurred_at < earliest)
    return and_(Occurrence.seen_at.is_(None), or_(Occurrence.occurred_at > now, too_early))


def _arrival() -> ScalarSelect[datetime]:
    return select(Log.received_at).where(_OWN_LOG).scalar_subquery()


_OWN_LOG = Log.id == Occurrence.log_row
