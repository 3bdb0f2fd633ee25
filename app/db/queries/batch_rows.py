"""The occurrences of a batch, crash by crash and oldest first, cut into parts and read a page at a time."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, Tuple, func, literal, select, text, tuple_
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.db.models.crash import Crash
from app.db.models.occurrence import Occurrence

CRASHES_PER_PAGE = 200
ROWS_PER_PAGE = 2_000


class Scope(NamedTuple):
    """Which occurrences belong to a batch. With `last_row` of a plan nothing is added to it while the batch is made.

    No occurrence changes its crash meanwhile either (`app.db.queries.moves`); what is erased or aged is missing from it.
    """

    app_id: int
    crash_id: int | None  # None: every crash of the app
    since: datetime | None  # inclusive
    until: datetime | None  # exclusive
    last_row: int
    after_row: int = 0  # rows up to this one do not belong to it


class BatchPosition(NamedTuple):
    """Where an occurrence stands in the order of a batch."""

    crash_id: int
    occurred_at: datetime
    id: int

    def to_json(self) -> str:
        """Text that `read_place` reads."""
        return json.dumps([self.crash_id, self.occurred_at.isoformat(), self.id])


class PartEnd(NamedTuple):
    """The last place of a part, and how many occurrences it has."""

    upto: BatchPosition
    rows: int


class FoundRow(NamedTuple):
    """One occurrence, as it is stored."""

    id: int
    crash_id: int
    log_row: int
    log_id: str
    number: int
    occurred_at: datetime
    described: bool | None
    app_version: str | None
    app_build: str | None
    os_name: str | None
    os_version: str | None
    device_model: str | None
    user_id: str | None


class BatchCrash(NamedTuple):
    """The columns of a crash that a row of a batch has."""

    id: int
    identifier: str
    title: str


def read_place(value: str) -> BatchPosition:
    """The place that `BatchPosition.to_json` wrote."""
    crash_id, occurred_at, row_id = json.loads(value)
    return BatchPosition(crash_id, datetime.fromisoformat(occurred_at), row_id)


def newest_row(session: Session) -> tuple[int, int | None]:
    """(row id of the newest committed occurrence, transaction id for `has_ended`; None on SQLite).

    On PostgreSQL a row may be committed after one with a higher id. Once every transaction below that id has ended, every
    occurrence up to the newest is committed or never will be, and those that were being moved are in their new crashes.
    """
    newest = func.coalesce(func.max(Occurrence.id), 0)
    if session.get_bind().dialect.name != "postgresql":  # one writer at a time
        return session.execute(select(newest)).scalar_one(), None
    horizon: ColumnElement[str] = text("pg_snapshot_xmax(pg_current_snapshot())::text")  # type: ignore[assignment]
    row_id, transaction = session.execute(select(newest, horizon)).one()
    return row_id, int(transaction)


def has_ended(session: Session, transaction: int | None) -> bool:
    """True once every transaction with an id below `transaction` has ended."""
    if transaction is None:
        return True
    oldest = session.execute(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")).scalar_one()
    return int(oldest) >= transaction


def cuts(session: Session, scope: Scope, size: int) -> Iterator[PartEnd]:
    """Where the parts end, each of `size` occurrences, the last one of what is left.

    The session has to be a snapshot: what is counted by one statement is found by the next.
    """
    filled, last = 0, None
    for crashes in crash_pages(lambda: nullcontext(session), scope):
        for crash_id, counted in _counts(session, scope, [crash.id for crash in crashes]):
            left, place = counted, None
            while filled + left >= size:
                place = _nth(session, scope, crash_id, place, size - filled)
                yield PartEnd(place, size)
                left, filled = left - (size - filled), 0
            if left:
                filled, last = filled + left, crash_id
    if filled and last is not None:
        yield PartEnd(_last(session, scope, last), filled)


def bound_of_scope(session: Session, scope: Scope) -> int:
    """As many occurrences as belong to it or more, by the counts that crashes have."""
    counted = select(func.coalesce(func.sum(Crash.occurrences_count), 0)).where(Crash.app_id == scope.app_id)
    if scope.crash_id is not None:
        counted = counted.where(Crash.id == scope.crash_id)
    return int(session.execute(counted).scalar_one())


def count_in_scope(session: Session, scope: Scope) -> int:
    """How many occurrences belong to it."""
    total = 0
    for crashes in crash_pages(lambda: nullcontext(session), scope):
        total += sum(counted for _, counted in _counts(session, scope, [crash.id for crash in crashes]))
    return total


def crash_pages(
    reading: Callable[[], AbstractContextManager[Session]], scope: Scope, first: int = 0, last: int | None = None
) -> Iterator[list[BatchCrash]]:
    """The crashes of the scope with row ids from `first` to `last`, by row id, some at a time."""
    wanted = [Crash.app_id == scope.app_id]
    if scope.crash_id is not None:
        wanted.append(Crash.id == scope.crash_id)
    if last is not None:
        wanted.append(Crash.id <= last)
    while True:
        statement = select(Crash.id, Crash.identifier, Crash.title).where(*wanted, Crash.id >= first)
        with reading() as session:
            found = session.execute(statement.order_by(Crash.id).limit(CRASHES_PER_PAGE)).all()
        if found:
            yield [BatchCrash(*row) for row in found]
        if len(found) < CRASHES_PER_PAGE:
            return
        first = found[-1][0] + 1


def rows_between(
    db: Database, scope: Scope, after: BatchPosition | None, upto: BatchPosition
) -> Iterator[list[tuple[FoundRow, BatchCrash]]]:
    """The occurrences after one place and up to another, in order, a page at a time; nothing but a page is held."""
    for crashes in crash_pages(db.read, scope, after.crash_id if after else 0, upto.crash_id):
        known = {crash.id: crash for crash in crashes}
        place = after
        while True:
            with db.read() as session:
                found = [FoundRow(*row) for row in session.execute(_page(scope, list(known), place, upto))]
            if found:
                yield [(row, known[row.crash_id]) for row in found]
                place = BatchPosition(found[-1].crash_id, found[-1].occurred_at, found[-1].id)
            if len(found) < ROWS_PER_PAGE:
                break


def _page(scope: Scope, crash_ids: list[int], after: BatchPosition | None, upto: BatchPosition) -> Select[Any]:
    columns = [getattr(Occurrence, name) for name in FoundRow._fields]
    statement = select(*columns).where(*_in_scope(scope, crash_ids), _place() <= _literal(upto))
    if after is not None:
        statement = statement.where(_place() > _literal(after))
    return statement.order_by(Occurrence.crash_id, Occurrence.occurred_at, Occurrence.id).limit(ROWS_PER_PAGE)


def _counts(session: Session, scope: Scope, crash_ids: list[int]) -> list[tuple[int, int]]:
    counted = select(Occurrence.crash_id, func.count()).where(*_in_scope(scope, crash_ids))
    rows = session.execute(counted.group_by(Occurrence.crash_id).order_by(Occurrence.crash_id))
    return [(crash_id, number) for crash_id, number in rows]


def _nth(session: Session, scope: Scope, crash_id: int, after: BatchPosition | None, number: int) -> BatchPosition:
    """The place of the n-th occurrence of a crash after a place; there has to be one."""
    statement = select(Occurrence.crash_id, Occurrence.occurred_at, Occurrence.id)
    statement = statement.where(*_in_scope(scope, [crash_id]))
    if after is not None:  # without the crash, which PostgreSQL would compare in each row
        columns = (Occurrence.occurred_at, Occurrence.id)
        place = (literal(after.occurred_at, Occurrence.occurred_at.type), literal(after.id, Occurrence.id.type))
        statement = statement.where(tuple_(*columns) > tuple_(*place))
    oldest_first = statement.order_by(Occurrence.occurred_at, Occurrence.id)
    return BatchPosition(*session.execute(oldest_first.offset(number - 1).limit(1)).one())


def _last(session: Session, scope: Scope, crash_id: int) -> BatchPosition:
    statement = select(Occurrence.crash_id, Occurrence.occurred_at, Occurrence.id)
    newest_first = statement.where(*_in_scope(scope, [crash_id])).order_by(
        Occurrence.occurred_at.desc(), Occurrence.id.desc()
    )
    return BatchPosition(*session.execute(newest_first.limit(1)).one())


def _in_scope(scope: Scope, crash_ids: list[int]) -> list[ColumnElement[bool]]:
    of_crash = Occurrence.crash_id == crash_ids[0] if len(crash_ids) == 1 else Occurrence.crash_id.in_(crash_ids)
    conditions = [of_crash, Occurrence.id <= scope.last_row]
    if scope.after_row:
        conditions.append(Occurrence.id > scope.after_row)
    if scope.since:
        conditions.append(Occurrence.occurred_at >= scope.since)
    if scope.until:
        conditions.append(Occurrence.occurred_at < scope.until)
    return conditions


def _place() -> Tuple:
    return tuple_(Occurrence.crash_id, Occurrence.occurred_at, Occurrence.id)


def _literal(place: BatchPosition) -> Tuple:
    columns = (Occurrence.crash_id, Occurrence.occurred_at, Occurrence.id)
    return tuple_(*(literal(value, column.type) for value, column in zip(place, columns, strict=True)))
