"""The steps of an erasure that find the user's logs and remove them with all that was found in them."""

from collections.abc import Callable

from app.db.app_settings import settings_text
from app.db.crash import Crash
from app.db.erasing import (
    StoredLog,
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
from app.db.erasure import note_crashes, noted_crashes
from app.db.log import LogStatus
from app.errors import MalformedLog
from app.ingest.grouping import read_and_group
from app.ingest.splits import splits_in
from app.privacy.turn import Turn
from app.storage import ObjectNotFound

LOGS_AT_ONCE, BYTES_AT_ONCE = 50, 8 * 1024 * 1024  # read before the next look at the clock
WINDOW = 20_000  # row ids of occurrences looked through by one statement
SUSPECTS_AT_ONCE = 100
CRASHES_AT_ONCE, TITLES_AT_ONCE = 500, 10
NO_TITLE = "Crash {identifier}"


def find_received(turn: Turn, place: str) -> str | None:
    """Logs that wait for their digestion, which may be under way: it then finds its log gone."""
    return _read_on(turn, place, LogStatus.RECEIVED, turn.sought.is_told_by)


def scan(turn: Turn, place: str) -> str | None:
    """Every log of the app, whatever it is and whether it could be read or not."""
    return _read_on(turn, place, None, turn.sought.stands_in) if turn.sought.scan else None


def find_occurrences(turn: Turn, place: str) -> str | None:
    """Occurrences that name the user, and by their logs those that were digested when that was not stored."""
    after, sought = int(place or 0), turn.sought
    with turn.services.db.read() as session:
        newest = newest_occurrence(session)
        found = suspects(
            session, turn.app_id, sought.fact, after=after, upto=after + WINDOW, last_log=turn.erasure.last_log,
            limit=SUSPECTS_AT_ONCE,
        )  # fmt: skip
        silent = {one.log_row: stored_log(session, one.log_row) for one in found if not one.is_told}
    rows = {one.log_row for one in found if one.is_told}
    for row_id, log in silent.items():
        if log is not None and row_id not in rows and sought.is_told_by(_bytes(turn, log)):
            rows.add(row_id)
    upto = found[-1].id if len(found) == SUSPECTS_AT_ONCE else after + WINDOW
    with turn.services.db.write() as session:
        turn.note(session, str(upto))
        turn.remove(session, sorted(rows))
    return str(upto) if upto < newest else None


def retitle(turn: Turn, place: str) -> str | None:
    """The titles of crashes were made of the first log of each, which may have been the user's."""
    after = int(place or 0)
    with turn.services.db.read() as session:
        crashes = crashes_after(session, turn.app_id, after, CRASHES_AT_ONCE)
        noted = noted_crashes(session, turn.erasure.id, {crash.id for crash in crashes})
    doubtful = [one for one in crashes if one.id in noted or turn.sought.stands_in_text(one.title, one.why)][
        :TITLES_AT_ONCE
    ]
    told = [(crash.id, *_told_anew(turn, crash)) for crash in doubtful]
    is_last = len(crashes) < CRASHES_AT_ONCE and len(doubtful) < TITLES_AT_ONCE
    upto = doubtful[-1].id if len(doubtful) == TITLES_AT_ONCE else crashes[-1].id if crashes else after
    with turn.services.db.write() as session:
        turn.note(session, str(upto))
        for crash_id, title, why in told:
            set_title(session, crash_id, title, why)
        note_crashes(session, turn.erasure.id, {crash_id for crash_id, _, _ in told})  # others' rows told the title too
    return None if is_last else str(upto)


def forget_decided(turn: Turn, place: str) -> str | None:
    """Decisions about groups remember the titles that these had."""
    with turn.services.db.read() as session:
        decisions = decisions_after(session, turn.app_id, place, CRASHES_AT_ONCE)
        named = {name for one in decisions for name in (one.identifier, one.into_identifier)}
        crashes = crash_ids(session, named)
        noted = noted_crashes(session, turn.erasure.id, set(crashes.values()))
    concerned = {identifier for identifier, crash_id in crashes.items() if crash_id in noted}
    last = decisions[-1].identifier if decisions else place
    with turn.services.db.write() as session:
        turn.note(session, last)
        for one in decisions:
            may_tell = {one.identifier, one.into_identifier} & concerned
            if may_tell or turn.sought.stands_in_text(one.title, one.why):
                set_decided_title(session, one.identifier, NO_TITLE.format(identifier=one.identifier))
    return last if len(decisions) == CRASHES_AT_ONCE else None


def _read_on(turn: Turn, place: str, status: LogStatus | None, is_told_by: Callable[[bytes], bool]) -> str | None:
    after, upto = int(place or 0), turn.erasure.last_log
    with turn.services.db.read() as session:
        page = logs_between(session, turn.app_id, after, upto, LOGS_AT_ONCE, status)
    logs = _as_many_as_fit(page)
    found = []
    kept = [(log.storage_key, None) for log in logs if not log.is_removed]  # of one that is damaged, what is there
    with turn.services.storage.reading(kept) as reads:
        calls = iter(reads)
        for log in logs:
            raw = b"" if log.is_removed else _whatever(next(calls))
            if is_told_by(raw) or turn.sought.stands_in_text(log.log_id, log.error_message, log.request_id):
                found.append(log.id)
    if not logs:
        return None
    with turn.services.db.write() as session:
        done = turn.erasure.done + (len(logs) if status is None else 0)
        turn.note(session, str(logs[-1].id), done=done)
        turn.erasure.done = done
        turn.remove(session, found)
    is_last = len(page) < LOGS_AT_ONCE and len(logs) == len(page)
    return None if is_last else str(logs[-1].id)


def _as_many_as_fit(page: list[StoredLog]) -> list[StoredLog]:
    total = 0
    logs: list[StoredLog] = []
    for log in page:
        total += log.size
        if logs and total > BYTES_AT_ONCE:
            break
        logs.append(log)
    return logs


def _bytes(turn: Turn, log: StoredLog) -> bytes:
    return b"" if log.is_removed else _whatever(lambda: turn.services.storage.get(log.storage_key))


def _whatever(read: Callable[[], bytes]) -> bytes:
    """What is stored; nothing when it is lost."""
    try:
        return read()
    except ObjectNotFound:
        return b""


def _told_anew(turn: Turn, crash: Crash) -> tuple[str, str | None]:
    """(title, what explains the grouping), of the newest occurrence that can still be read."""
    with turn.services.db.read() as session:
        newest = newest_stored(session, crash.id)
        splits = splits_in(settings_text(session, crash.app_id))
    otherwise = NO_TITLE.format(identifier=crash.identifier)
    if newest is None:
        return otherwise, None
    key, number = newest
    app = key.split("/")[1]
    try:
        reports = read_and_group(turn.services, turn.app_id, app, turn.services.storage.get(key), splits).reports
        made = reports[number - 1].group
    except (MalformedLog, ObjectNotFound, IndexError):
        return otherwise, None
    title = otherwise if turn.sought.stands_in_text(made.title) else made.title
    is_own = made.identifier == crash.identifier and not turn.sought.stands_in_text(made.why)
    return title, made.why if is_own else None
