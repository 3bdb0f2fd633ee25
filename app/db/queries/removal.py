"""Takes logs, occurrences and symbols out of the tables, old ones first, and keeps their crashes and times right."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, ScalarSelect, and_, delete, func, literal, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.db.base import rows_changed
from app.db.models.awaited_symbols import forget_awaited
from app.db.models.crash import Crash, keep_step
from app.db.models.given_symbol_id import GivenSymbolId
from app.db.models.job import Job, JobState
from app.db.models.log import Log, LogStatus
from app.db.models.occurrence import Occurrence
from app.db.models.pending_deletion import schedule_deletion
from app.db.models.symbol_chunk import SymbolChunk
from app.db.models.symbol_part import drop_parts_of
from app.db.models.symbols import IN_CHUNKS, SymbolFile, SymbolImage, SymbolState
from app.db.queries.figures import figures_of, take_figures

CRASHES_AT_ONCE = 20
CORRECTED_AT_ONCE = 500
_OWN_LOG = Log.id == Occurrence.log_row


class Removed(NamedTuple):
    """What one transaction has taken out."""

    logs: int
    occurrences: int
    crash_ids: set[int]  # whose occurrences these were


def remove_logs(session: Session, log_rows: list[int], now: datetime, erasure_id: str | None = None) -> Removed:
    """Delete logs with their occurrences; the deletion of their bytes is scheduled. Rows that are gone already do not count.

    Locks as a digest does, logs before crashes: a digest under way of one of these finds its log gone and leaves no trace.
    """
    logs = _lock(session, log_rows)
    taken = _take(session, Occurrence.log_row.in_([log.id for log in logs]))
    _drop(session, logs, now, erasure_id)
    return Removed(len(logs), sum(taken.values()), set(taken))


def remove_occurrences(session: Session, occurrence_ids: list[int], now: datetime) -> Removed:
    """Delete occurrences, and the logs that have none left: a log does not outlive what was found in it."""
    found = select(Occurrence.log_row).where(Occurrence.id.in_(occurrence_ids)).distinct()
    logs = _lock(session, list(session.scalars(found)))
    taken = _take(session, Occurrence.id.in_(occurrence_ids))
    still = select(Occurrence.log_row).where(Occurrence.log_row.in_([log.id for log in logs])).distinct()
    kept = set(session.scalars(still))
    empty = [log for log in logs if log.id not in kept]
    _drop(session, empty, now, None)
    return Removed(len(empty), sum(taken.values()), set(taken))


def remove_bytes(session: Session, log_rows: list[int], now: datetime) -> int:
    """Delete the logs in which nothing was found, and only the bytes of logs whose occurrences stay; returns how many."""
    logs = _lock(session, log_rows)
    found = select(Occurrence.log_row).where(Occurrence.log_row.in_([log.id for log in logs])).distinct()
    kept = set(session.scalars(found))
    _drop(session, [log for log in logs if log.id not in kept], now, None)
    bare = [log for log in logs if log.id in kept and log.removed_at is None]
    schedule_deletion(session, [log.storage_key for log in bare], None, now)
    forget_awaited(session, [log.id for log in bare])
    this = update(Log).where(Log.id.in_([log.id for log in bare]))
    rows_changed(session, this.values(removed_at=now))
    return len(logs)


def recount(session: Session, crash_id: int) -> int:
    """Let the row of a crash say what its occurrences do; returns 1, or 0 when it did."""
    crash = session.get(Crash, crash_id, with_for_update=True)
    if crash is None:
        return 0
    number = session.scalar(select(func.count()).where(Occurrence.crash_id == crash_id)) or 0
    first, last = first_and_last(session, crash_id)
    was = (crash.occurrences_count, crash.first_seen, crash.last_seen)
    counted = (number, first or crash.first_seen, last or crash.last_seen)
    if was == counted:
        return 0
    crash.occurrences_count, crash.first_seen, crash.last_seen = counted
    keep_step(crash)
    session.flush()
    return 1


def _lock(session: Session, log_rows: list[int]) -> list[Log]:
    statement = select(Log).where(Log.id.in_(log_rows)).order_by(Log.id)
    return list(session.scalars(statement.with_for_update()))


def _take(session: Session, condition: ColumnElement[bool]) -> dict[int, int]:
    """Delete occurrences and recount their crashes; returns crash -> how many."""
    counted = select(Occurrence.crash_id, func.count()).where(condition).group_by(Occurrence.crash_id)
    taken: dict[int, int] = {row[0]: row[1] for row in session.execute(counted)}
    crashes = select(Crash).where(Crash.id.in_(taken)).order_by(Crash.identifier)
    held = list(session.scalars(crashes.with_for_update()))
    take_figures(session, figures_of(session, condition))
    session.execute(delete(Occurrence).where(condition), execution_options={"synchronize_session": False})
    for crash in held:
        first, last = first_and_last(session, crash.id)
        crash.occurrences_count -= taken[crash.id]
        keep_step(crash)
        crash.first_seen, crash.last_seen = first or crash.first_seen, last or crash.last_seen
    session.flush()
    return taken


def _drop(session: Session, logs: list[Log], now: datetime, erasure_id: str | None) -> None:
    schedule_deletion(session, [log.storage_key for log in logs if log.removed_at is None], erasure_id, now)
    rows = [log.id for log in logs]
    session.execute(delete(Log).where(Log.id.in_(rows)), execution_options={"synchronize_session": False})


def old_logs(session: Session, app_id: int, before: datetime, limit: int, *, with_bytes: bool = False) -> list[int]:
    """Row ids of digested or rejected logs that arrived before, the oldest first; `with_bytes`: that have them still."""
    statement = select(Log.id).where(Log.app_id == app_id, Log.received_at < before, Log.status != LogStatus.RECEIVED)
    if with_bytes:
        statement = statement.where(Log.removed_at.is_(None))
    return list(session.scalars(statement.order_by(Log.received_at, Log.id).limit(limit)))


def crashes_with_old(session: Session, app_id: int, before: datetime) -> list[int]:
    """Row ids of some crashes that have an occurrence that was seen before."""
    statement = select(Crash.id).where(Crash.app_id == app_id, Crash.first_seen < before, Crash.occurrences_count > 0)
    return list(session.scalars(statement.order_by(Crash.first_seen, Crash.id).limit(CRASHES_AT_ONCE)))


def old_occurrences(session: Session, crash_id: int, before: datetime, limit: int) -> list[int]:
    """Row ids of a crash's occurrences that were seen before, the oldest first."""
    of_crash = select(Occurrence.id).where(Occurrence.crash_id == crash_id)
    right = of_crash.where(Occurrence.occurred_at < before, Occurrence.seen_at.is_(None))
    found = list(session.scalars(right.order_by(Occurrence.occurred_at, Occurrence.id).limit(limit)))
    if found:
        return found
    wrong = of_crash.where(Occurrence.seen_at < before).order_by(Occurrence.seen_at, Occurrence.id)
    return list(session.scalars(wrong.limit(limit)))


def expire_old(session: Session, app_id: int, before: datetime, now: datetime, limit: int) -> int:
    """Let results that were finished before expire now; the sweep then deletes them. Returns how many."""
    old = select(Job.id).where(
        Job.app_id == app_id, Job.state == JobState.FINISHED, Job.finished_at < before, Job.expires_at > now
    )
    these = update(Job).where(Job.id.in_(old.order_by(Job.expires_at, Job.id).limit(limit).scalar_subquery()))
    return rows_changed(session, these.values(expires_at=now))


def drop_symbols(session: Session, found: SymbolFile, now: datetime) -> None:
    """Delete a file with all that was made of it; the deletion of its objects is scheduled."""
    caches = select(SymbolImage.cache_key).where(SymbolImage.symbol_id == found.id)
    schedule_deletion(session, sorted({found.storage_key, *session.scalars(caches)}), None, now)
    drop_parts_of(session, found.identifier, now, are_shared=found.sha256.startswith(IN_CHUNKS))
    for statement in (
        delete(GivenSymbolId).where(GivenSymbolId.symbol_id == found.id),
        delete(SymbolImage).where(SymbolImage.symbol_id == found.id),
        delete(SymbolFile).where(SymbolFile.id == found.id),
    ):
        session.execute(statement, execution_options={"synchronize_session": False})


def find_by_row(session: Session, row_id: int) -> SymbolFile | None:
    """A file of any app."""
    return session.get(SymbolFile, row_id)


def symbols_after(session: Session, row_id: int, limit: int) -> list[SymbolFile]:
    """Files of all apps in the order of their row ids, those after one."""
    return list(session.scalars(select(SymbolFile).where(SymbolFile.id > row_id).order_by(SymbolFile.id).limit(limit)))


def cache_keys_of(session: Session, row_id: int) -> list[str]:
    """Where the caches of a file lie."""
    mine = select(SymbolImage.cache_key).where(SymbolImage.symbol_id == row_id).distinct()
    return list(session.scalars(mine.order_by(SymbolImage.cache_key)))


def known_objects(session: Session, storage_keys: list[str]) -> set[str]:
    """Those of the keys `symbols/<app>/<identifier>/<name>` that are of a file, one of its caches, or a chunk."""
    identifiers = {key.split("/")[2] for key in storage_keys if key.count("/") >= 3}
    files = select(SymbolFile.id, SymbolFile.storage_key).where(SymbolFile.identifier.in_(identifiers))
    rows = {row[0]: row[1] for row in session.execute(files)}
    caches = select(SymbolImage.cache_key).where(SymbolImage.symbol_id.in_(rows))
    chunks = select(SymbolChunk.storage_key).where(SymbolChunk.storage_key.in_(storage_keys))
    return {*rows.values(), *session.scalars(caches), *session.scalars(chunks)} & set(storage_keys)


def of_cache(session: Session, key: str) -> int | None:
    """Row id of the ready file whose cache lies under a key."""
    mine = (
        SymbolFile.identifier == key.split("/")[2],
        SymbolFile.state == SymbolState.READY,
        SymbolImage.cache_key == key,
    )
    joined = select(SymbolFile.id).join(SymbolImage, SymbolImage.symbol_id == SymbolFile.id).where(*mine)
    return session.scalar(joined.limit(1))


def make_again(session: Session, row_id: int, now: datetime) -> bool:
    """Let a worker look into a ready file as if it had just come; until then it names nothing. False when it is not ready."""
    found = session.get(SymbolFile, row_id, with_for_update=True)
    if found is None or found.state != SymbolState.READY:
        return False
    schedule_deletion(session, cache_keys_of(session, row_id), None, now)
    gone = delete(SymbolImage).where(SymbolImage.symbol_id == row_id)
    session.execute(gone, execution_options={"synchronize_session": False})
    found.state, found.failures, found.enqueue_after, found.enqueued = SymbolState.RECEIVED, 0, now, 0
    return True


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
    return [(row[0], row[1]) for row in session.execute(found.order_by(Crash.id).limit(CORRECTED_AT_ONCE))]


def correct_times(session: Session, crash_id: int, now: datetime, oldest: timedelta) -> int:
    """Let such occurrences of a crash be seen when their logs arrived; returns how many there were."""
    crash = session.get(Crash, crash_id, with_for_update=True)
    if crash is None:
        return 0
    these = update(Occurrence).where(Occurrence.crash_id == crash_id, _is_wrong(session, now, oldest))
    changed = rows_changed(session, these.values(seen_at=_arrival()))
    first, last = first_and_last(session, crash_id)
    crash.first_seen, crash.last_seen = first or crash.first_seen, last or crash.last_seen
    keep_step(crash)
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
