"""The list of a crash's occurrences, however long: written by the database, a batch at a time, on two connections."""

from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import datetime
from queue import SimpleQueue
from types import ModuleType
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, LargeBinary, Select, bindparam, cast, func, literal_column, select, tuple_
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import InstrumentedAttribute

from app.db.driver_pool import DriverConnection, Prepared
from app.db.engine import Database
from app.db.models.crash import Crash
from app.db.models.occurrence import FIRST_ROWS, Occurrence, json_text
from app.db.queries.room import keep_room
from app.iso_time import FIRST_INSTANT, LAST_INSTANT

ROWS_PER_BATCH = 10_000  # about 1.2 MB: the fewer round trips the better, and memory stays small
CONNECTIONS = 2  # that write batches of a long list side by side
LONG_FROM = 3 * ROWS_PER_BATCH  # rows from which a second connection is worth having
ROOM = 8 * 1024 * 1024  # bytes; more than all copies of a batch that a process makes on its way


class Batch(NamedTuple):
    """Some rows of a list as the database wrote them."""

    text: bytes  # JSON objects `{"id":…,"date":…,"log_id":…}` with commas between, no brackets
    rows: int


class LongList(NamedTuple):
    """A list as one snapshot of the database shows it."""

    revision: int  # of the crash
    rows: int  # that it will have; as many at most where only a page of it is asked for
    batches: Iterator[Batch]  # newest first: FIRST_ROWS, then ROWS_PER_BATCH at a time


class ListPosition(NamedTuple):
    """Where an occurrence stands in the list; ids are between those of BEGINNING and END."""

    occurred_at: datetime
    id: int


class Cut(NamedTuple):
    """Where the next batch begins and how it is to be."""

    before: ListPosition
    skip: int  # rows
    size: int  # rows
    left: int | None  # rows that may still come; None: all


_Column = ColumnElement[Any] | InstrumentedAttribute[Any]

BEGINNING = ListPosition(FIRST_INSTANT, -1)
END = ListPosition(LAST_INSTANT, 2**63 - 1)


@contextmanager
def long_list(
    db: Database,
    crash_id: int,
    since: datetime | None = None,
    until: datetime | None = None,
    offset: int = 0,
    limit: int | None = None,
) -> Iterator[LongList]:
    """The occurrences of a crash in [since, until), newest first, from the `offset`-th, `limit` at most.

    Only a few batches are in memory. All show the snapshot taken when the block began; use them inside it.
    """
    oldest = BEGINNING if since is None else ListPosition(since, -1)
    newest = END if until is None else ListPosition(until, -1)
    with db.driver_snapshot() as snapshot:
        [driver] = snapshot.connections
        found = driver.first(_CRASH, crash=crash_id)
        assert found is not None, "a job's crash is never deleted before the job"
        revision, total = found
        if (since or until) and limit is None:
            total = driver.first(_COUNT, crash=crash_id, **_range(newest, oldest))[0]  # type: ignore[index]
        rows = max(total - offset, 0) if limit is None else min(max(total - offset, 0), limit)
        if rows >= LONG_FROM:
            snapshot.widen(CONNECTIONS)
            keep_room(snapshot.connections, ROOM)
        first = Cut(newest, offset, FIRST_ROWS, limit)
        with closing(_batches(snapshot.connections, crash_id, first, oldest)) as batches:
            yield LongList(revision, rows, batches)


def _batches(
    drivers: list[DriverConnection], crash_id: int, first: Cut, oldest: ListPosition
) -> Generator[Batch, None, None]:
    """The batches in their order; while the caller has one, every connection is at one of the next."""
    free: SimpleQueue[DriverConnection] = SimpleQueue()
    for driver in drivers:
        free.put(driver)

    def fetch(begun: "Future[Cut | None]", following: "Future[Cut | None]") -> Batch | None:
        """Wait until it is known where the batch before ends, tell where this one does, and only then read it."""
        driver = free.get()
        try:
            cut = begun.result()
            following.set_result(None if cut is None else _following(driver, crash_id, cut, oldest))
            return None if cut is None else _read(driver, crash_id, cut, oldest)
        except BaseException as error:
            if not following.done():
                following.set_exception(error)
            raise
        finally:
            free.put(driver)

    cuts: Future[Cut | None] = Future()
    cuts.set_result(first)
    coming: list[Future[Batch | None]] = []
    with ThreadPoolExecutor(len(drivers), thread_name_prefix="long-list") as pool:
        while True:
            while len(coming) < len(drivers):
                begun, cuts = cuts, Future()
                coming.append(pool.submit(fetch, begun, cuts))
            batch = coming.pop(0).result()
            if batch is None:
                return
            begun, cuts = cuts, Future()
            coming.append(pool.submit(fetch, begun, cuts))
            if batch.rows:
                yield batch


def _following(driver: DriverConnection, crash_id: int, cut: Cut, oldest: ListPosition) -> Cut | None:
    """Where the batch after this one begins; None when there is none."""
    size = cut.size if cut.left is None else min(cut.size, cut.left)
    if cut.left == size:
        return None
    last = driver.first(_LAST, crash=crash_id, skip=cut.skip + size - 1, **_range(cut.before, oldest))
    return Cut(ListPosition(*last), 0, ROWS_PER_BATCH, None if cut.left is None else cut.left - size) if last else None


def _read(driver: DriverConnection, crash_id: int, cut: Cut, oldest: ListPosition) -> Batch:
    size = cut.size if cut.left is None else min(cut.size, cut.left)
    row = driver.first(_TEXT, crash=crash_id, skip=cut.skip, size=size, **_range(cut.before, oldest))
    assert row is not None
    return Batch(row[0] or b"", row[1])


def _range(before: ListPosition, oldest: ListPosition) -> dict[str, datetime | int]:
    return {
        "before_at": before.occurred_at,
        "before_id": before.id,
        "from_at": oldest.occurred_at,
        "from_id": oldest.id,
    }


def _chosen(*columns: _Column) -> Select[Any]:
    time_type, id_type = Occurrence.__table__.c.occurred_at.type, Occurrence.__table__.c.id.type
    place = tuple_(Occurrence.occurred_at, Occurrence.id)
    before = tuple_(bindparam("before_at", type_=time_type), bindparam("before_id", type_=id_type))
    oldest = tuple_(bindparam("from_at", type_=time_type), bindparam("from_id", type_=id_type))
    return select(*columns).where(Occurrence.crash_id == bindparam("crash"), place < before, place >= oldest)


def _newest_first(*columns: _Column) -> Select[Any]:
    return _chosen(*columns).order_by(Occurrence.occurred_at.desc(), Occurrence.id.desc()).offset(bindparam("skip"))


def _last(_: ModuleType) -> Select[Any]:
    return _newest_first(Occurrence.occurred_at, Occurrence.id).limit(literal_column("1"))


def _text(dialect: ModuleType) -> Select[bytes, int]:
    row = json_text(is_postgresql=dialect is postgresql).label("row")
    rows = _newest_first(row).limit(bindparam("size")).subquery()
    if dialect is postgresql:
        together: ColumnElement[bytes] = func.convert_to(
            func.string_agg(rows.c.row, literal_column("','")), literal_column("'UTF8'"), type_=LargeBinary()
        )
    else:
        together = cast(func.group_concat(rows.c.row, literal_column("','")), LargeBinary())
    return select(together.label("text"), func.count().label("rows")).select_from(rows)


def _crash(_: ModuleType) -> Select[int, int]:
    return select(Crash.revision, Crash.occurrences_count).where(Crash.id == bindparam("crash"))


def _count(_: ModuleType) -> Select[Any]:
    return _chosen(func.count().label("rows"))


_LAST, _CRASH, _COUNT = (Prepared(build) for build in (_last, _crash, _count))
_TEXT = Prepared(_text, binary=True)
