"""The steps of an erasure that find the user's logs and remove them with all that was found in them."""

import json
from collections.abc import Callable
from datetime import datetime

from app.crashes.search import read_search
from app.db.models.app import App
from app.db.models.app_settings import settings_text
from app.db.models.crash import Crash
from app.db.models.erasure import note_crashes, noted_crashes
from app.db.models.log import LogStatus
from app.db.models.saved_view import SavedView, drop_views, views_after
from app.db.queries.erasing import (
    ErasableLog,
    crash_ids,
    crashes_after,
    decisions_after,
    logs_between,
    newest_occurrence,
    newest_stored,
    set_decided_title,
    set_title,
    stored_log,
    suspects,
)
from app.errors import MalformedLog
from app.ingest.grouping import read_and_group, splits_in
from app.operations.orphans import IN_FLIGHT, delete_orphan, orphans
from app.privacy.erasure_slice import ErasureSlice
from app.storage import ObjectNotFound, ObjectStat

LOGS_AT_ONCE, BYTES_AT_ONCE = 50, 8 * 1024 * 1024  # read before the next look at the clock
WINDOW = 20_000  # row ids of occurrences looked through by one statement
SUSPECTS_AT_ONCE = 100
CRASHES_AT_ONCE, TITLES_AT_ONCE = 500, 10
NO_TITLE = "Crash {identifier}"


def find_received(slice_: ErasureSlice, place: str) -> str | None:
    """Logs that wait for their digestion, which may be under way: it then finds its log gone."""
    return _read_on(slice_, place, LogStatus.RECEIVED, slice_.sought.is_named_in)


def scan(slice_: ErasureSlice, place: str) -> str | None:
    """Every log of the app, whatever it is and whether it could be read or not."""
    return _read_on(slice_, place, None, slice_.sought.stands_in) if slice_.sought.scan else None


def find_occurrences(slice_: ErasureSlice, place: str) -> str | None:
    """Occurrences that name the user, and by their logs those that were digested when that was not stored."""
    after, sought = int(place or 0), slice_.sought
    with slice_.services.db.read() as session:
        newest = newest_occurrence(session)
        found = suspects(
            session, slice_.app_id, sought.fact, named=sought.in_tags, after=after, upto=after + WINDOW,
            last_log=slice_.erasure.last_log, limit=SUSPECTS_AT_ONCE,
        )  # fmt: skip
        silent = {one.log_row: stored_log(session, one.log_row) for one in found if not one.is_described}
    rows = {one.log_row for one in found if one.is_recorded or sought.stands_in_text(*one.may_be_named_in)}
    for row_id, log in silent.items():
        if log is not None and row_id not in rows and sought.is_named_in(_bytes(slice_, log)):
            rows.add(row_id)
    upto = found[-1].id if len(found) == SUSPECTS_AT_ONCE else after + WINDOW
    with slice_.services.db.write() as session:
        slice_.note(session, str(upto))
        slice_.remove(session, sorted(rows))
    return str(upto) if upto < newest else None


def retitle(slice_: ErasureSlice, place: str) -> str | None:
    """The titles of crashes were made of the first log of each, which may have been the user's."""
    after = int(place or 0)
    with slice_.services.db.read() as session:
        crashes = crashes_after(session, slice_.app_id, after, CRASHES_AT_ONCE)
        noted = noted_crashes(session, slice_.erasure.id, {crash.id for crash in crashes})
    doubtful = [one for one in crashes if one.id in noted or slice_.sought.stands_in_text(one.title, one.why)][
        :TITLES_AT_ONCE
    ]
    titles = [(crash.id, *_titles_anew(slice_, crash)) for crash in doubtful]
    is_last = len(crashes) < CRASHES_AT_ONCE and len(doubtful) < TITLES_AT_ONCE
    upto = doubtful[-1].id if len(doubtful) == TITLES_AT_ONCE else crashes[-1].id if crashes else after
    with slice_.services.db.write() as session:
        slice_.note(session, str(upto))
        for crash_id, title, why in titles:
            set_title(session, crash_id, title, why)
        note_crashes(
            session, slice_.erasure.id, {crash_id for crash_id, _, _ in titles}
        )  # rows of others held the title too
    return None if is_last else str(upto)


def forget_decided(slice_: ErasureSlice, place: str) -> str | None:
    """Decisions about groups remember the titles that these had. Saved views of members go as well, at the end."""
    with slice_.services.db.read() as session:
        decisions = decisions_after(session, slice_.app_id, place, CRASHES_AT_ONCE)
        named = {name for one in decisions for name in (one.identifier, one.into_identifier)}
        crashes = crash_ids(session, named)
        noted = noted_crashes(session, slice_.erasure.id, set(crashes.values()))
    concerned = {identifier for identifier, crash_id in crashes.items() if crash_id in noted}
    last = decisions[-1].identifier if decisions else place
    with slice_.services.db.write() as session:
        slice_.note(session, last)
        for one in decisions:
            may_tell = {one.identifier, one.into_identifier} & concerned
            if may_tell or slice_.sought.stands_in_text(one.title, one.why):
                set_decided_title(session, one.identifier, NO_TITLE.format(identifier=one.identifier))
    if len(decisions) == CRASHES_AT_ONCE:
        return last
    _forget_views(slice_, last)
    return None


def _forget_views(slice_: ErasureSlice, place: str) -> None:
    """Saved views of members may search for the user."""
    after = 0
    while True:
        with slice_.services.db.read() as session:
            views = views_after(session, slice_.app_id, after, CRASHES_AT_ONCE)
        if found := [one.id for one in views if _is_about(slice_, one)]:
            with slice_.services.db.write() as session:
                slice_.note(session, place)
                drop_views(session, found)
        if len(views) < CRASHES_AT_ONCE:
            return
        after = views[-1].id


def _is_about(slice_: ErasureSlice, view: SavedView) -> bool:
    query = json.loads(view.query)
    sought = (slice_.sought.user_id, slice_.sought.fact)
    named = [query.get("user_id"), *(term.value for term in read_search(query.get("search", "")).terms)]
    return any(name in sought for name in named if name) or slice_.sought.stands_in_text(view.name, *query.values())


def _read_on(
    slice_: ErasureSlice, place: str, status: LogStatus | None, is_named_in: Callable[[bytes], bool]
) -> str | None:
    after, upto = int(place or 0), slice_.erasure.last_log
    with slice_.services.db.read() as session:
        page = logs_between(session, slice_.app_id, after, upto, LOGS_AT_ONCE, status)
    logs = _as_many_as_fit(page)
    found = []
    kept = [(log.storage_key, None) for log in logs if not log.is_removed]  # of one that is damaged, what is there
    with slice_.services.storage.reading(kept) as reads:
        calls = iter(reads)
        for log in logs:
            raw = b"" if log.is_removed else _whatever(next(calls))
            if is_named_in(raw) or slice_.sought.stands_in_text(log.log_id, log.error_message, log.request_id):
                found.append(log.id)
    if not logs:
        return None
    with slice_.services.db.write() as session:
        done = slice_.erasure.done + (len(logs) if status is None else 0)
        slice_.note(session, str(logs[-1].id), done=done)
        slice_.erasure.done = done
        slice_.remove(session, found)
    is_last = len(page) < LOGS_AT_ONCE and len(logs) == len(page)
    return None if is_last else str(logs[-1].id)


def _as_many_as_fit(page: list[ErasableLog]) -> list[ErasableLog]:
    total = 0
    logs: list[ErasableLog] = []
    for log in page:
        total += log.size
        if logs and total > BYTES_AT_ONCE:
            break
        logs.append(log)
    return logs


def _bytes(slice_: ErasureSlice, log: ErasableLog) -> bytes:
    return b"" if log.is_removed else _whatever(lambda: slice_.services.storage.get(log.storage_key))


def _whatever(read: Callable[[], bytes]) -> bytes:
    """What is stored; nothing when it is lost."""
    try:
        return read()
    except ObjectNotFound:
        return b""


def _titles_anew(slice_: ErasureSlice, crash: Crash) -> tuple[str, str | None]:
    """(title, what explains the grouping), of the newest occurrence that can still be read."""
    with slice_.services.db.read() as session:
        newest = newest_stored(session, crash.id)
        splits = splits_in(settings_text(session, crash.app_id))
    otherwise = NO_TITLE.format(identifier=crash.identifier)
    if newest is None:
        return otherwise, None
    key, number = newest
    app = key.split("/")[1]
    try:
        reports = read_and_group(slice_.services, slice_.app_id, app, slice_.services.storage.get(key), splits).reports
        made = reports[number - 1].group
    except (MalformedLog, ObjectNotFound, IndexError):
        return otherwise, None
    title = otherwise if slice_.sought.stands_in_text(made.title) else made.title
    is_own = made.identifier == crash.identifier and not slice_.sought.stands_in_text(made.why)
    return title, made.why if is_own else None


def delete_orphans_of_user(slice_: ErasureSlice) -> datetime | None:
    """Delete them; returns when to look again if some are so young that they may yet get their row, which is new data then."""
    services, again_at = slice_.services, None
    with services.db.read() as session:
        app = session.get_one(App, slice_.app_id)
    for stat in orphans(services, services.storage.list(f"logs/{app.identifier}")):
        if not _is_users(slice_, stat):
            continue
        now = services.now()
        if abs(now - stat.modified) >= IN_FLIGHT:
            delete_orphan(services, stat)
        else:
            again_at = max(again_at or now, min(stat.modified, now) + IN_FLIGHT)
    return again_at


def _is_users(slice_: ErasureSlice, stat: ObjectStat) -> bool:
    log_id = stat.key.rpartition("/")[2].rpartition(".")[0]
    if slice_.sought.stands_in_text(log_id):
        return True
    try:
        return slice_.sought.is_named_in(slice_.services.storage.get(stat.key))
    except ObjectNotFound:
        return False
