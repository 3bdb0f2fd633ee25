"""The steps of a digest, each one statement for logs in bulk: claim them, end their digests, count their crashes."""

from collections.abc import Iterable
from datetime import datetime
from types import ModuleType
from typing import Any, NamedTuple

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Insert,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from app.db.base import dialect_of
from app.db.driver_pool import DriverConnection, Prepared
from app.db.engine import Database
from app.db.hot import SqlText, as_rows, insert_into, rows_of
from app.db.models.crash import Crash, CrashState, in_step
from app.db.models.crash_figure import addition, rows_added
from app.db.models.fair_share import FairShare, digested
from app.db.models.log import Log, LogStatus
from app.db.models.occurrence import Occurrence
from app.db.queries.webhook_events import CRASHES_NEW
from app.db.work import LONGEST_PAUSE, is_due

_LOG, _CRASH, _OCCURRENCE = Log.__table__.c, Crash.__table__.c, Occurrence.__table__.c
_APP: ColumnElement[str] = literal_column("(SELECT apps.identifier FROM apps WHERE apps.id = logs.app_id)")
_HAS_SYMBOLS: ColumnElement[bool] = literal_column(
    "EXISTS (SELECT 1 FROM symbols WHERE symbols.app_id = logs.app_id AND symbols.state = 'ready')", Boolean()
)
_SETTINGS: ColumnElement[str | None] = literal_column(
    "(SELECT app_settings.settings FROM app_settings WHERE app_settings.app_id = logs.app_id)"
)

NEW = 1  # the revision of a crash that has just been made; it grows with every change


class ClaimedLog(NamedTuple):
    """As much of a log as its digest needs."""

    id: int
    app_id: int
    log_id: str
    storage_key: str
    size: int  # bytes, unpacked
    request_id: str | None
    received_at: datetime
    attempt: int
    holder: str
    failures: int
    outage_since: datetime | None
    slow: bool
    app: str  # identifier
    has_symbols: bool  # the app has; asked along here, so that a digest without symbols sends no statement more
    settings: str | None = None  # JSON of what the app's members have set


class Claim(NamedTuple):
    """The logs that are digested together."""

    logs: list[ClaimedLog]  # by row id
    is_full: bool  # more may wait


class ClaimBounds(NamedTuple):
    """What a claim takes at most."""

    logs: int
    bytes: int  # of all but the first
    processes: int  # of one app's while another app waits
    slow: int  # logs that take long to read, anywhere


class EndedLog(NamedTuple):
    """How the digest of a log ended."""

    id: int
    attempt: int
    holder: str
    status: LogStatus
    format: str | None
    error_message: str | None


class SeenCrash(NamedTuple):
    """A crash with what is to be added to it; all but the three before the last matter only if it is new."""

    app_id: int
    identifier: str
    fingerprint: str
    fingerprint_version: int
    title: str
    first_seen: datetime  # of what is added
    last_seen: datetime
    occurrences_count: int
    why: str | None = None  # kept if the crash has none yet


class CountedCrashes(NamedTuple):
    """The crashes that occurrences were added to."""

    ids: dict[str, int]  # identifier -> row id
    notified: int  # how many webhooks are to be notified of new ones
    closed: list[int]  # row ids of those that are resolved or ignored


class CountedCrash(NamedTuple):
    """A row of count_occurrences.sql."""

    identifier: str
    id: int
    state: CrashState
    notified: int  # as in `CountedCrashes`


class NewOccurrence(NamedTuple):
    """A row of occurrences."""

    crash_id: int
    log_row: int
    log_id: str
    number: int
    occurred_at: datetime
    seen_at: datetime | None  # None: occurred_at
    app_version: str | None
    app_build: str | None
    os_name: str | None
    os_version: str | None
    device_model: str | None
    user_id: str | None
    environment: str | None = None
    handled: bool | None = None
    kind: str | None = None
    tags: str | None = None  # JSON: name -> value
    described: bool = True  # the facts before it are what the log says
    grouped_as: str | None = None  # the group it is of, when people merged that into this crash


def claim_logs(db: Database, now: datetime, lease_expires_at: datetime, holder: str, bounds: ClaimBounds) -> Claim:
    """Begin the next digest of logs that are free and due: a fair share for each app, its oldest log first.

    A log that takes long to read or has ended an attempt with a failure is taken alone, and never along with another: it may
    be what killed its worker, and the others must not pay for it.
    """
    values = {"now": now, "latest": now + LONGEST_PAUSE, "lease_expires_at": lease_expires_at, "holder": holder}
    most = {"most": bounds.logs, "bytes": bounds.bytes, "most_processes": bounds.processes, "most_slow": bounds.slow}
    if db.is_postgresql:
        with db.driver_write(together=False) as driver:
            rows = driver.rows(_CLAIM, **values, **most)
    else:
        with db.write() as session:
            rows = _claim_on_sqlite(session, now, lease_expires_at, holder, bounds)
    return Claim([ClaimedLog(*row[:-2]) for row in rows], is_full=bool(rows) and bool(rows[0][-2]))


def end_digests(driver: DriverConnection, ended: Iterable[EndedLog], now: datetime) -> set[int]:
    """End digests; returns the row ids of those that are still this claim's. The others must leave no trace."""
    rows = as_rows(log._asdict() for log in sorted(ended))
    if driver.is_postgresql:
        return set(driver.rows(_END, now=now, rows=rows))
    return {row[0] for row in driver.rows(_END_ON_SQLITE, now=now, rows=rows)}


def count_in(driver: DriverConnection, seen: Iterable[SeenCrash], now: datetime) -> CountedCrashes:
    """Add occurrences to their crashes, which are made when these are their first; webhooks are notified of new ones.

    Two workers that see a crash first end up with one row. Crashes are locked in the order of their identifiers, so that
    two digests cannot wait for each other.
    """
    rows = as_rows(crash._asdict() for crash in seen)
    if driver.is_postgresql:
        found = driver.rows(_COUNT, rows=rows, now=now)
        closed = [crash.id for crash in found if crash.state is not CrashState.OPEN]
        return CountedCrashes(
            {crash.identifier: crash.id for crash in found}, found[0].notified if found else 0, closed
        )
    counted = driver.rows(_COUNT_ON_SQLITE, rows=rows)
    new = [{"identifier": row[0]} for row in counted if row[2] == NEW]
    notified = driver.change(CRASHES_NEW, rows=as_rows(new), now=now) if new else 0
    closed = [row[1] for row in counted if row[3] is not CrashState.OPEN]
    return CountedCrashes({row[0]: row[1] for row in counted}, notified, closed)


def count_within(session: Session, seen: Iterable[SeenCrash]) -> dict[str, int]:
    """The same in a session's transaction; what leaves a crash is a negative number of occurrences."""
    counted = _count(dialect_of(session), is_move=True)
    rows = session.connection().execute(counted, {"rows": as_rows(crash._asdict() for crash in seen)})
    return {row[0]: row[1] for row in rows}


def add_occurrences(driver: DriverConnection, new: Iterable[NewOccurrence]) -> None:
    """Insert occurrences, and add them to the figures of their crashes, which `count_in` has locked."""
    added = list(new)
    rows = as_rows(occurrence._asdict() for occurrence in added)
    if driver.is_postgresql:
        driver.change(_ADD, rows=rows)
        return
    driver.change(_ADD_ON_SQLITE, rows=rows)
    driver.change(_ADD_FIGURES_ON_SQLITE, rows=as_rows(rows_added(added)))


def _claim_on_sqlite(
    session: Session, now: datetime, lease_expires_at: datetime, holder: str, bounds: ClaimBounds
) -> list[tuple[Any, ...]]:
    """The statement of claim_logs.sql, by sorting all logs that wait."""
    received = Log.status == LogStatus.RECEIVED
    waiting_apps = select(func.count(Log.app_id.distinct())).where(received)
    at_work = select(Log.app_id).where(received, Log.lease_expires_at > now).group_by(Log.app_id)
    has_its_share = at_work.having(func.count(Log.holder.distinct()) >= bounds.processes)
    may_begin = or_(waiting_apps.scalar_subquery() == 1, Log.app_id.not_in(has_its_share))
    slow_ones = select(func.count()).where(received, Log.slow, Log.lease_expires_at > now)
    may_be_slow = or_(~Log.slow, slow_ones.scalar_subquery() < bounds.slow)
    alone = or_(Log.slow, Log.failures > 0)
    place = func.row_number().over(partition_by=Log.app_id, order_by=(alone, Log.id)).label("place")
    free = (received, Log.lease_expires_at.is_(None), is_due(Log, now), may_be_slow, may_begin)
    found = select(Log.id, Log.app_id, Log.size, alone.label("alone"), place).where(*free).subquery()
    in_turn = select(found).outerjoin(FairShare, FairShare.app_id == found.c.app_id).order_by(
        found.c.place, FairShare.digested_at.asc().nulls_first(), found.c.app_id
    )  # fmt: skip
    waiting = session.execute(in_turn.limit(bounds.logs)).all()
    taken: list[Any] = []
    size = 0
    for row in waiting:
        size += row.size
        if not taken or not (row.alone or taken[0].alone or size > bounds.bytes):
            taken.append(row)
    if not taken:
        return []
    begun: dict[Any, Any] = {"attempt": Log.attempt + 1, "enqueued": 0, "holder": holder}
    begun |= {"lease_expires_at": lease_expires_at, "enqueue_after": lease_expires_at}
    columns = [_LOG[name] for name in ClaimedLog._fields[:-3]]
    claimed = update(Log).where(Log.id.in_([row.id for row in taken])).values(begun)
    answer = session.execute(
        claimed.returning(*columns, _APP, _HAS_SYMBOLS, _SETTINGS), execution_options={"synchronize_session": False}
    ).all()
    digested(session, {row.app_id for row in taken}, now)
    is_full = len(waiting) > len(taken) or len(waiting) == bounds.logs
    return sorted((*row, is_full, None) for row in answer)


def _end(dialect: ModuleType) -> ReturningUpdate[int]:
    """The statement of end_digests.sql for SQLite."""
    given = rows_of(dialect, *(_LOG[name] for name in EndedLog._fields))
    at_work = (Log.status == LogStatus.RECEIVED, Log.lease_expires_at.is_not(None))
    own = (Log.id == given.c.id, Log.attempt == given.c.attempt, Log.holder == given.c.holder, *at_work)
    values = {name: given.c[name] for name in ("status", "format", "error_message")}
    digested_at = bindparam("now", type_=_LOG.digested_at.type)
    ended = {"digested_at": digested_at, "lease_expires_at": None, "holder": None}
    return update(Log).where(*own).values(**values, **ended).returning(_LOG.id)


def _count(dialect: ModuleType, *, is_move: bool = False) -> ReturningInsert[str, int, int, CrashState]:
    """The first half of count_occurrences.sql for SQLite, and for the sessions of both databases, whose moves take off too."""
    given = rows_of(dialect, *(_CRASH[name] for name in SeenCrash._fields))
    columns = [given.c[name] for name in SeenCrash._fields]
    new: ColumnElement[int] = literal_column(str(NEW))
    rows = select(*columns, new, new.label("figures")).where(true()).order_by(given.c.identifier)
    insert = insert_into(dialect, Crash).from_select([*SeenCrash._fields, "revision", "figures_revision"], rows)
    least, greatest = (func.least, func.greatest) if dialect is postgresql else (func.min, func.max)
    first, last = insert.excluded.first_seen, insert.excluded.last_seen
    has_some = Crash.occurrences_count > 0  # else title and times are of occurrences that have gone
    merged = {
        "title": case((has_some, Crash.title), else_=insert.excluded.title),
        "first_seen": case((has_some, least(Crash.first_seen, first)), else_=first),
        "last_seen": case((has_some, greatest(Crash.last_seen, last)), else_=last),
        "occurrences_count": Crash.occurrences_count + insert.excluded.occurrences_count,
        "revision": Crash.revision + 1,
        "figures_revision": in_step(Crash.revision + 1) if is_move else Crash.figures_revision + 1,
        "why": func.coalesce(Crash.why, insert.excluded.why),
    }
    if not is_move:
        merged["ignored_left"] = Crash.ignored_left - insert.excluded.occurrences_count
    counted = insert.on_conflict_do_update(index_elements=[Crash.identifier], set_=merged)
    return counted.returning(_CRASH.identifier, _CRASH.id, _CRASH.revision, _CRASH.state)


def _add(dialect: ModuleType) -> Insert:
    """The statement of add_occurrences.sql for SQLite."""
    given = rows_of(dialect, *(_OCCURRENCE[name] for name in NewOccurrence._fields))
    rows = select(*(given.c[name] for name in NewOccurrence._fields))
    return insert_into(dialect, Occurrence).from_select(NewOccurrence._fields, rows)


_CLAIM = SqlText("claim_logs", lambda *row: row)
_END = SqlText("end_digests", int)
_COUNT = SqlText("count_occurrences", CountedCrash)
_ADD = SqlText("add_occurrences", tuple)
_END_ON_SQLITE, _COUNT_ON_SQLITE, _ADD_ON_SQLITE = Prepared(_end), Prepared(_count), Prepared(_add)
_ADD_FIGURES_ON_SQLITE = Prepared(addition)
