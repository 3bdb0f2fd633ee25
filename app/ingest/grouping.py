"""The group of each crash report in a log's bytes, as a digest and a regrouping agree on it; and stored logs grouped anew."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import structlog

from app.config import MIB, Config
from app.crashes.blame import Blame
from app.crashes.facts import Circumstances, Facts, circumstances, facts
from app.crashes.fingerprint import Fingerprint, crash_identifier, fingerprint
from app.crashes.log import CrashLog
from app.crashes.splitting import Split, read_splits, split_apart
from app.crashes.title import title
from app.db import Session
from app.db.hot.digest_steps import ClaimedLog
from app.db.models.awaited_symbols import AwaitingLog, await_anew, trim
from app.db.models.grouping_decision import routes_within
from app.db.models.log import StoredLog, stored_logs
from app.db.queries.describing import describe
from app.db.queries.moves import Group, Move, Placed, groups_named, hold_logs, move
from app.errors import AppError, MalformedLog
from app.parsers import recognise
from app.parsers.archive_members import FREE_BYTES, MAX_RATIO
from app.parsers.document import Document, unread_sentence
from app.services import Services
from app.storage import ObjectNotFound
from app.symbolication.opened import BulkSymbols
from app.symbols.resolving import Resolved
from app.work.limits import Budget, OverBudget, limited
from app.work.watcher import watcher

BRIEFLY = 2.0  # seconds of processor time for a log's first attempt
READ_WITHIN = 20.0  # seconds of processor time for a log that takes longer than that
READ_WITHIN_PER_MIB = 6.0  # more of these for each MiB that it may unpack to; the slowest format takes 2.4
TIMES = 4  # a thread that wants the processor has at least a quarter of one
BRIEF_AT_MOST = 60.0  # seconds of time for a log's first attempt, on however busy a machine
SPLITS = "splits"  # in an app's settings
LEAST_DRIFT = timedelta(minutes=55)  # between a device's clock and ours that is corrected, as Sentry's Relay has it
TRIM_EVERY = 4_096  # logs of all apps
LOGS_IN_BULK = 25  # grouped together, in one transaction
BYTES_IN_BULK = MIB  # of theirs, unless one alone is larger

log = structlog.get_logger()


def brief() -> Budget:
    """Of a log's first attempt: who takes longer is put aside and read alone."""
    return Budget(seconds=BRIEF_AT_MOST, cpu_seconds=BRIEFLY)


def whole(config: Config, size: int) -> Budget:
    """Of a log of so many bytes, by what these may unpack to."""
    unpacked = min(size * MAX_RATIO + FREE_BYTES, config.max_log_bytes) / MIB
    seconds = READ_WITHIN + unpacked * READ_WITHIN_PER_MIB
    return Budget(seconds=TIMES * seconds, cpu_seconds=seconds)


@lru_cache(maxsize=256)
def splits_in(settings: str | None) -> tuple[Split, ...]:
    """What members have set, checked when they set it."""
    return read_splits(json.loads(settings).get(SPLITS)) if settings and SPLITS in settings else ()


def seen_at(occurred_at: datetime, received_at: datetime, sent_at: datetime | None, oldest_days: int) -> datetime:
    """The time that crashes are sorted and filtered by, at most `received_at` and at least `oldest_days` before.

    A time outside of that was read from a wrong clock: the arrival counts instead. `sent_at` is when the log was sent, by the
    clock that `occurred_at` is of: if that clock was wrong then, it was as wrong when the crash happened.
    """
    try:
        if sent_at is not None and abs(received_at - sent_at) >= LEAST_DRIFT:
            occurred_at += received_at - sent_at
    except OverflowError:
        return received_at
    return occurred_at if received_at - timedelta(days=oldest_days) <= occurred_at <= received_at else received_at


class Grouped(NamedTuple):
    """A crash report as it is stored."""

    parsed: CrashLog
    group: Group
    facts: Facts
    circumstances: Circumstances
    awaited: tuple[str, ...]  # symbols that it waits for: its group may be another one then


class GroupedLog(NamedTuple):
    """What a log's bytes hold."""

    format: str
    reports: list[Grouped]  # in the log's order
    unread: str | None = None  # which parts of an archive or of JSON Lines could not be read, and why


def read_and_group(
    services: Services, app_id: int, app: str, raw: bytes, splits: tuple[Split, ...], symbols: BulkSymbols | None = None
) -> GroupedLog:
    """The crash reports of a log, each grouped; `app` is the identifier. Raises MalformedLog or TransientError.

    All that decides how a stored log is grouped happens in here, so that a log digested twice is grouped alike: frames get
    the names that the app's symbols know before they are fingerprinted, and splits hold. Logs digested in bulk share `symbols`.
    """
    document = Document(raw, brief=True, max_unpacked=services.config.max_log_bytes)
    parser = recognise(document)
    known = symbols or BulkSymbols(services)
    reports = [group(app, known.resolve(app_id, parsed), splits) for parsed in parser.parse(document)]
    return GroupedLog(parser.FORMAT, reports, unread_sentence(document))


def group(app: str, resolved: Resolved, splits: tuple[Split, ...] = ()) -> Grouped:
    """The group of a crash report by its fingerprint and the app's splits alone."""
    parsed = resolved.log
    blame = Blame(parsed)
    made = split_apart(fingerprint(parsed, blame), parsed, splits)
    identifier = crash_identifier(app, made)
    reason = why(made, symbols=resolved.used)
    found = Group(identifier, made.value, made.version, title(parsed, blame), reason)
    return Grouped(parsed, found, facts(parsed), circumstances(parsed), resolved.awaited)


def why(made: Fingerprint, *, symbols: bool = False) -> str:
    """What is stored with a crash to explain it: JSON of `rule`, `version` and `parts`, without what no text may hold.

    `symbols` is in it, and true, when names came from symbols.
    """
    parts = {"rule": made.rule, "version": made.version, "parts": [_storable(part) for part in made.parts]}
    if symbols:
        parts["symbols"] = True
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def _storable(text: str) -> str:
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def waiting(app_id: int, log_row: int, report: Grouped) -> Iterator[AwaitingLog]:
    """A row for each thing that a report waits for."""
    return (AwaitingLog(app_id, awaited, log_row) for awaited in report.awaited)


def trim_awaited(services: Services, logs: Iterable[ClaimedLog]) -> None:
    """Bound how many logs of an app wait for symbols. Every TRIM_EVERY-th log has its app trimmed."""
    for app_id in sorted({one.app_id for one in logs if one.id % TRIM_EVERY == 0}):
        with services.db.write() as session:
            trim(session, app_id)


class Regrouped(NamedTuple):
    """What came of it."""

    logs: int  # looked at
    moved: int  # occurrences that are counted in another crash now
    unreadable: int  # logs that stay grouped as they are: their bytes are gone or no parser reads them


def regroup_logs(services: Services, log_rows: Iterable[int]) -> Regrouped:
    """Read these digested logs (row ids) from the storage, and count each occurrence where it belongs by now.

    Beside live digests and other regroupings nothing is lost or doubled: each bulk of 25 logs or 1 MiB is one transaction,
    which holds the logs. Crashes get their counts, times and revisions, old identifiers become aliases, and what people
    have merged stays merged. Logs that wait for their digest, or are gone, are left alone. Raises TransientError when the
    database or the storage is away, and BatchUnderWay while a batch of the app is made: what was done till then stays, and
    the rest may be given again.
    """
    logs, moved, unreadable = 0, 0, 0
    left = iter(log_rows)
    while rows := list(islice(left, LOGS_IN_BULK)):
        with services.db.read() as session:
            stored = stored_logs(session, rows)
        for bulk in _in_bulk(stored):
            found = _read(services, bulk)
            moved += _place(services, found)
            _describe(services, found)
            logs, unreadable = logs + len(bulk), unreadable + len(bulk) - len(found)
    return Regrouped(logs, moved, unreadable)


def place(session: Session, wanted: Sequence[tuple[Placed, Group]]) -> int:
    """Count occurrences, whose logs are held, in the crash of their group, or where people merged it into.

    Returns how many changed their crash.
    """
    routes = routes_within(session, (group.identifier for _, group in wanted))
    targets = groups_named(session, routes.values())
    moves = []
    for placed, group in wanted:
        home = targets.get(routes.get(group.identifier, ""), group)
        if (placed.crash.identifier, placed.group) != (home.identifier, group.identifier):
            moves.append(Move(placed, group.identifier, home))
    return move(session, moves)


def _in_bulk(stored: list[StoredLog]) -> Iterator[list[StoredLog]]:
    bulk: list[StoredLog] = []
    total = 0
    for one in stored:
        if bulk and total + one.size > BYTES_IN_BULK:
            yield bulk
            bulk, total = [], 0
        bulk, total = [*bulk, one], total + one.size
    if bulk:
        yield bulk


def _read(services: Services, bulk: list[StoredLog]) -> dict[int, list[Grouped]]:
    """Row of a log -> its reports; without those that cannot be read."""
    found: dict[int, list[Grouped]] = {}
    symbols = BulkSymbols(services)
    with services.storage.reading([(stored.storage_key, stored.size) for stored in bulk]) as reads:
        for stored, read in zip(bulk, reads, strict=True):
            try:
                found[stored.id] = _grouped(services, stored, read(), symbols)
            except (MalformedLog, ObjectNotFound, OverBudget):
                log.info("regroup_unreadable", log=stored.id)
            except AppError:
                raise
            except Exception as error:
                log.exception("regroup_broke", log=stored.id, error=type(error).__name__)
    return found


def _grouped(services: Services, stored: StoredLog, raw: bytes, symbols: BulkSymbols) -> list[Grouped]:
    with limited(whole(services.config, stored.size), watcher):
        return read_and_group(services, stored.app_id, stored.app, raw, splits_in(stored.settings), symbols).reports


def _place(services: Services, found: dict[int, list[Grouped]]) -> int:
    if not any(found.values()):
        return 0
    with services.db.write() as session:
        placed = [one for one in hold_logs(session, found) if one.number <= len(found[one.log_row])]
        await_anew(session, _waiting(placed, found))
        return place(session, [(one, found[one.log_row][one.number - 1].group) for one in placed])


def _describe(services: Services, found: dict[int, list[Grouped]]) -> None:
    """Let rows tell what the logs do by now. In a transaction of its own: it locks crashes in their order, as `_place` does."""
    if not any(found.values()):
        return
    with services.db.write() as session:
        placed = [one for one in hold_logs(session, found) if one.number <= len(found[one.log_row])]
        reports = {one.id: found[one.log_row][one.number - 1] for one in placed}
        describe(session, {at: {**one.facts._asdict(), **one.circumstances._asdict()} for at, one in reports.items()})


def _waiting(placed: list[Placed], found: dict[int, list[Grouped]]) -> dict[int, list[AwaitingLog]]:
    """Row of a log, which is held -> all that its reports wait for."""
    rows: dict[int, list[AwaitingLog]] = {}
    for one in placed:
        rows.setdefault(one.log_row, []).extend(waiting(one.app_id, one.log_row, found[one.log_row][one.number - 1]))
    return rows
