"""Removes what is older than its app keeps it, and objects whose rows are gone, in small transactions beside everything else."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, timedelta
from functools import partial

import structlog

from app.db.models.app import apps_after
from app.db.models.app_settings import settings_text
from app.db.models.audit_entry import drop_old_entries
from app.db.models.known_session import forget_sessions
from app.db.models.log import stored_log_ids
from app.db.models.pending_deletion import PendingDeletion, deleted, pending_deletions
from app.db.models.session_day import drop_old_session_days
from app.db.models.token import drop_tokens_made_after
from app.db.queries.removal import (
    crashes_with_old,
    expire_old,
    old_logs,
    old_occurrences,
    recount,
    remove_bytes,
    remove_logs,
    remove_occurrences,
)
from app.operations.orphans import sweep_orphans
from app.privacy.settings import AGES, effective
from app.services import Services
from app.storage import ObjectNotFound
from app.symbolication.chunks import drop_untouched_chunks
from app.symbolication.receive import drop_untouched

GO_ON_FOR = 5.0  # seconds after which the rest is left to the next time
APPS_AT_ONCE = 500
LOOK_AT = 20_000  # files of the store each time, some 50 ms, for what killed processes left half-written
UNFINISHED_AFTER = timedelta(hours=1)  # since the last byte was written; a younger one may still be written to
CLOCK_SET_BACK = timedelta(hours=1)  # a login made later than this from now would live longer than it may
SESSIONS_KNOWN_FOR = timedelta(days=3)  # since the last news of them
SESSIONS_AT_ONCE = 20_000  # forgotten each time: more than arrive within a minute
AUDIT_ENTRIES_AT_ONCE = 5_000  # deleted each time
ROWS_AT_ONCE = 500  # of one transaction, some milliseconds: a digest that waits for one of them hardly notices


Work = Callable[[], int]
"""Removes some of what is old; returns how much, 0 at the end."""
AT_ONCE = 100  # objects
IN_FLIGHT = timedelta(hours=1)  # younger bytes may be those of an upload whose row is not there yet

log = structlog.get_logger()


def remove_what_is_old(services: Services, go_on_for: float = GO_ON_FOR) -> int:
    """Remove rows by age, app by app in turn, then the objects that are left, those without rows, and files half-written;
    returns how many rows went.

    Stopped or killed anywhere, the next time goes on: what is to be done is in the rows.
    """
    deadline = time.monotonic() + go_on_for
    removed = 0
    for works in _pages(services):
        while works and time.monotonic() < deadline:
            done = [(work, work()) for work in works]  # a bit of each: no app waits for the backlog of another
            removed += sum(number for _, number in done)
            works = [work for work, number in done if number]
    removed += drop_untouched(services) + drop_untouched_chunks(services)
    _drop_tokens_of_the_future(services)
    _forget_sessions(services)
    _drop_audit_entries(services)
    while delete_pending(services) and time.monotonic() < deadline:
        continue
    sweep_orphans(services)
    unfinished = services.storage.sweep_unfinished(services.now() - UNFINISHED_AFTER, LOOK_AT)
    if removed or unfinished:
        log.info("old_removed", rows=removed, unfinished=unfinished)
    return removed


def _pages(services: Services) -> Iterator[list[Work]]:
    last = 0
    while True:
        with services.db.read() as session:
            apps = apps_after(session, last, APPS_AT_ONCE)
            ages = {app.id: effective(services.config, settings_text(session, app.id)) for app in apps}
        if not apps:
            return
        last = apps[-1].id
        yield [
            work for app_id, days in ages.items() for work in _works(services, app_id, *(days[name] for name in AGES))
        ]


def _works(
    services: Services, app_id: int, logs: int | None, occurrences: int | None, reports: int | None
) -> list[Work]:
    works: list[Work] = []
    if occurrences:
        works += [
            partial(_drop_occurrences, services, app_id, occurrences),
            partial(_drop_logs, services, app_id, occurrences),
            partial(_drop_session_days, services, app_id, occurrences),
        ]
    if logs:
        works.append(partial(_drop_bytes, services, app_id, logs))
    if reports:
        works.append(partial(_drop_reports, services, app_id, reports))
    return works


def _drop_session_days(services: Services, app_id: int, days: int) -> int:
    """Figures of sessions that started too long ago."""
    before = (services.now() - timedelta(days=days)).astimezone(UTC).date()
    with services.db.write() as session:
        return drop_old_session_days(session, app_id, before, ROWS_AT_ONCE)


def _drop_audit_entries(services: Services) -> None:
    """Some of those that are older than the operator keeps them."""
    if services.config.audit_days:
        before = services.now() - timedelta(days=services.config.audit_days)
        with services.db.write() as session:
            drop_old_entries(session, before, AUDIT_ENTRIES_AT_ONCE)


def _forget_sessions(services: Services) -> None:
    """What is remembered of single sessions, so that none is counted twice, is needed for some days only."""
    before = (services.now() - SESSIONS_KNOWN_FOR).astimezone(UTC).date()
    with services.db.write() as session:
        forget_sessions(session, before, SESSIONS_AT_ONCE)


def _drop_tokens_of_the_future(services: Services) -> None:
    """The clock was ahead when they were made: they would live for as long as it was ahead, and their lifetime besides."""
    with services.db.write() as session:
        dropped = drop_tokens_made_after(session, services.now() + CLOCK_SET_BACK)
    if dropped:
        log.warning("tokens_of_the_future_dropped", tokens=dropped)


def _drop_occurrences(services: Services, app_id: int, days: int) -> int:
    """Those that happened too long ago, crash by crash."""
    now = services.now()
    before = now - timedelta(days=days)
    with services.db.read() as session:
        crashes = crashes_with_old(session, app_id, before)
    removed = 0
    for crash_id in crashes:
        with services.db.write() as session:
            rows = old_occurrences(session, crash_id, before, ROWS_AT_ONCE)
            if rows:
                removed += remove_occurrences(session, rows, now).occurrences
            else:  # its row says otherwise: put that right, or this would be looked at for ever
                removed += recount(session, crash_id)
    return removed


def _drop_logs(services: Services, app_id: int, days: int) -> int:
    """Logs that arrived too long ago, whatever the clocks of their devices said, with all that was found in them."""
    now = services.now()
    with services.db.write() as session:
        rows = old_logs(session, app_id, now - timedelta(days=days), ROWS_AT_ONCE)
        return remove_logs(session, rows, now).logs if rows else 0


def _drop_bytes(services: Services, app_id: int, days: int) -> int:
    now = services.now()
    with services.db.write() as session:
        rows = old_logs(session, app_id, now - timedelta(days=days), ROWS_AT_ONCE, with_bytes=True)
        return remove_bytes(session, rows, now) if rows else 0


def _drop_reports(services: Services, app_id: int, days: int) -> int:
    now = services.now()
    with services.db.write() as session:
        return expire_old(session, app_id, now - timedelta(days=days), now, ROWS_AT_ONCE)


def delete_pending(services: Services, erasure_id: str | None = None) -> int:
    """Delete some of the objects that an erasure waits for, or that nothing does; returns how many are done with.

    The same log sent again writes the same object: what belongs to a log again stays. Raises TransientError.
    """
    with services.db.read() as session:
        found = pending_deletions(session, erasure_id, AT_ONCE)
        kept = stored_log_ids(session, [one.key for one in found])
    done = []
    for one in found:
        if one.key in kept:
            done.append(one.key)
        elif not _may_be_in_flight(services, one):
            services.storage.delete(one.key)
            done.append(one.key)
    if done:
        with services.db.write() as session:
            deleted(session, done)
    return len(done)


def _may_be_in_flight(services: Services, one: PendingDeletion) -> bool:
    """True when the bytes were written after the deletion was requested, and not long ago."""
    try:
        modified = services.storage.stat(one.key).modified
    except ObjectNotFound:
        return False
    return modified > one.requested_at and abs(services.now() - modified) < IN_FLIGHT
