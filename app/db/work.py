"""Leased work: the columns of a row that a worker works at under a lease, and the statements that move such a row.

Every type of work (jobs, parts, logs, regroupings, symbol files, erasures, exporter runs, webhooks) has the columns on its
own table; there is no common table. A row is *free* while its lease is NULL, and *at work* while it is not. Claims take free
rows only; a lease that has run out is ended by the sweep. `app.work` has the rules that these statements serve.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Integer, String, and_, inspect, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from app.db.base import rows_changed

BigId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only as INTEGER
ENQUEUE_AGAIN_AFTER = timedelta(seconds=5)  # work that nobody has claimed by then is enqueued again, ever less often
LONGEST_PAUSE = timedelta(hours=1)  # no row rests for longer; what does was written before a clock was set back
CLOCK_SLACK = timedelta(seconds=30)  # a lease further ahead than its length and this is none: a clock was set back
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_AT_MOST_EVERY = timedelta(seconds=60)


def back_off(attempt: int) -> timedelta:
    """How long to wait after the n-th failed attempt: 2 s, 4 s, 8 s … 60 s."""
    return min(timedelta(seconds=2) * int(2 ** min(max(attempt, 1) - 1, 5)), _AT_MOST_EVERY)


def enqueue_pause(times: int) -> timedelta:
    """How long after the n-th task message the next one is due: 5 s, 10 s … 60 s."""
    return min(ENQUEUE_AGAIN_AFTER * int(2 ** min(times, 8)), _AT_MOST_EVERY)


class Leased:
    """The columns. Some keep the name in the database that they had in the first releases."""

    attempt: Mapped[int] = mapped_column(default=0, sort_order=900)
    """Attempts begun; only the latest may write. A number is given again if PostgreSQL loses a claim in a crash."""
    failures: Mapped[int] = mapped_column("strikes", key="failures", default=0, sort_order=901)
    """Attempts that ended with a dead worker or a bug; a few of these end the work."""
    outage_since: Mapped[datetime | None] = mapped_column("trouble_since", key="outage_since", sort_order=902)
    """When database, store or network first made an attempt end."""
    holder: Mapped[str | None] = mapped_column(String(128), sort_order=903)  # names the claim: worker/pid-claim
    lease_expires_at: Mapped[datetime | None] = mapped_column(sort_order=904)  # NULL: free
    not_before: Mapped[datetime | None] = mapped_column(sort_order=905)  # no attempt before then
    enqueue_after: Mapped[datetime] = mapped_column("ring_after", key="enqueue_after", default=LONG_AGO, sort_order=906)
    """When the sweep sends a task message again."""
    enqueued: Mapped[int] = mapped_column("rings", key="enqueued", default=0, sort_order=907)  # by the sweep

    @property
    def attempt_name(self) -> str:
        """The number and the claim of the attempt, for keys of what it stores; the number alone while nobody holds the row."""
        _, _, claim = (self.holder or "").rpartition("-")
        return f"{self.attempt}-{claim}" if claim else str(self.attempt)


R = TypeVar("R", bound=Leased)


@dataclass(frozen=True)
class Leasing(Generic[R]):
    """Which rows of a table are work, and what begins and ends an attempt there besides the columns of `Leased`."""

    table: type[R]
    waiting: tuple[ColumnElement[bool], ...]  # may be claimed, once free and due
    working: tuple[ColumnElement[bool], ...]  # may be at work
    order: tuple[ColumnElement[Any] | InstrumentedAttribute[Any], ...]  # of claims: the first row is next
    begun: Mapping[str, Any] = field(default_factory=dict)  # set when an attempt begins
    freed: Mapping[str, Any] = field(default_factory=dict)  # set when one ends and another one is to follow
    by_enqueue_after: bool = True
    """An index leads from `enqueue_after` to the few rows that the sweep looks for; false where another one does."""


def claim(
    session: Session,
    leasing: Leasing[R],
    now: datetime,
    lease: timedelta,
    holder: str,
    key: object = None,
) -> R | None:
    """Begin an attempt at the row with this primary key, else at the next one that is free and due; None when there is none.

    The row is locked until the transaction ends. Two claims at once get different rows.
    """
    table = leasing.table
    free = select(table).where(*leasing.waiting, table.lease_expires_at.is_(None), is_due(table, now))
    if key is not None:
        free = free.where(_key(table)[0] == key)
    locked = free.order_by(*leasing.order).limit(1).with_for_update(of=table, skip_locked=True)
    row: R | None = session.scalar(locked.execution_options(populate_existing=True))
    if row is not None:
        begin(session, leasing, row, now, lease, holder)
    return row


def begin(session: Session, leasing: Leasing[R], row: R, now: datetime, lease: timedelta, holder: str) -> None:
    """Begin an attempt at a free row that the transaction has locked."""
    row.attempt, row.enqueued, row.holder = row.attempt + 1, 0, holder
    row.lease_expires_at = row.enqueue_after = now + lease
    for name, value in leasing.begun.items():
        setattr(row, name, value)
    session.flush()


def is_due(table: type[Leased], now: datetime) -> ColumnElement[bool]:
    """No pause, or one that is over, or one that no release would have set: it was written before a clock was set back."""
    return or_(table.not_before.is_(None), table.not_before <= now, table.not_before > now + LONGEST_PAUSE)


def change(session: Session, leasing: Leasing[R], row: R, *, overdue_at: tuple[datetime, datetime] | None = None,
           **values: Any) -> bool:  # fmt: skip
    """Compare and set: change the row only while it is this claim's and at work; False when it is not.

    With `overdue_at`, a time and the furthest that a lease may lie ahead of it, only if the lease has run out as well: a worker
    that has renewed it since keeps the row.
    """
    table = leasing.table
    own = [*_claim_of(table, row), table.lease_expires_at.is_not(None), *leasing.working]
    if overdue_at is not None:
        own.append(_has_run_out(table, *overdue_at))
    return rows_changed(session, update(table).where(*own).values(**values)) == 1


def current(session: Session, leasing: Leasing[R], row: R) -> R | None:
    """The row as it stands, while it is this claim's; None when it is not."""
    found = select(leasing.table).where(*_claim_of(leasing.table, row))
    return session.scalar(found.execution_options(populate_existing=True))


def renew(session: Session, leasing: Leasing[R], row: R, lease_expires_at: datetime, **values: Any) -> bool:
    """Move the end of a lease, and change what is written along with it; False when the attempt is over."""
    values["lease_expires_at"] = lease_expires_at
    if leasing.by_enqueue_after:
        values["enqueue_after"] = lease_expires_at
    return change(session, leasing, row, **values)


def set_columns(session: Session, leasing: Leasing[R], row: R, **values: Any) -> None:
    """Set columns of a row that this transaction has locked by a change of it."""
    if values:
        own = [column == getattr(row, column.key) for column in _key(leasing.table)]
        rows_changed(session, update(leasing.table).where(*own).values(**values))


def overdue(
    session: Session, leasing: Leasing[R], now: datetime, furthest: datetime, limit: int, key: object = None
) -> list[R]:
    """Rows whose lease has run out, or lies further ahead than a lease can; with `key` that row only."""
    table = leasing.table
    found = select(table).where(*leasing.working, _has_run_out(table, now, furthest))
    if leasing.by_enqueue_after:
        found = found.where(or_(table.enqueue_after <= now, table.enqueue_after > furthest))
    if key is not None:
        found = found.where(_key(table)[0] == key)
    return list(session.scalars(found.order_by(table.lease_expires_at, *_key(table)).limit(limit)))


def unclaimed(session: Session, leasing: Leasing[R], now: datetime, limit: int) -> list[R]:
    """Free rows whose task message is due again; each is pushed back, so that two sweeps do not send for the same."""
    table = leasing.table
    is_late = or_(table.enqueue_after <= now, table.enqueue_after > now + LONGEST_PAUSE)
    found = select(table).where(*leasing.waiting, table.lease_expires_at.is_(None), is_late)
    ordered = found.order_by(table.enqueue_after, *leasing.order).limit(limit)
    rows = list(session.scalars(ordered.with_for_update(of=table, skip_locked=True, key_share=True)))
    for row in rows:
        row.enqueue_after = now + enqueue_pause(row.enqueued)
        row.enqueued += 1
    session.flush()
    return rows


def due(session: Session, leasing: Leasing[R], now: datetime, limit: int) -> list[R]:
    """Rows that could be claimed now, whether or not a task message for them was sent. Another worker may be quicker."""
    table = leasing.table
    found = select(table).where(*leasing.waiting, table.lease_expires_at.is_(None), is_due(table, now))
    return list(session.scalars(found.order_by(*leasing.order).limit(limit)))


def held_by(session: Session, leasing: Leasing[R], holders: str) -> list[R]:
    """The rows at work whose holder's name begins so."""
    table = leasing.table
    held = select(table).where(*leasing.working, table.lease_expires_at.is_not(None))
    own = held.where(table.holder.startswith(holders, autoescape=True))
    return list(session.scalars(own.order_by(*_key(table))))


def _claim_of(table: type[R], row: R) -> list[ColumnElement[bool]]:
    """The row by its key, and no other claim of it, also none that was given the same number after a crash of the database."""
    own = [column == getattr(row, column.key) for column in _key(table)]
    return [*own, table.attempt == row.attempt, table.holder.is_not_distinct_from(row.holder)]


def _has_run_out(table: type[Leased], now: datetime, furthest: datetime) -> ColumnElement[bool]:
    ends = table.lease_expires_at
    return and_(ends.is_not(None), or_(ends <= now, ends > furthest))


def _key(table: type[Leased]) -> Sequence[InstrumentedAttribute[Any]]:
    return [getattr(table, column.key) for column in inspect(table).primary_key]
