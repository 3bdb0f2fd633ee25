"""Groups stored logs anew, after a change of the rules, of a parser, of symbols: `regroup_logs`. Safe to repeat."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import structlog

from app.config import MIB
from app.db import Session
from app.db.models.awaited_symbols import AwaitingLog, await_anew
from app.db.models.grouping_decision import routes_within
from app.db.models.log import StoredLog, stored_logs
from app.db.queries.moves import Group, Move, Placed, groups_named, hold_logs, move
from app.errors import AppError, MalformedLog
from app.ingest import grouping
from app.ingest.grouping import Grouped, read_and_group, splits_in, waiting
from app.services import Services
from app.storage import ObjectNotFound
from app.symbolication.opened import BulkSymbols
from app.work.limits import OverBudget, limited
from app.work.watcher import watcher

LOGS_IN_BULK = 25  # grouped together, in one transaction
BYTES_IN_BULK = MIB  # of theirs, unless one alone is larger

log = structlog.get_logger()


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
    with limited(grouping.whole(services.config, stored.size), watcher):
        return read_and_group(services, stored.app_id, stored.app, raw, splits_in(stored.settings), symbols).reports


def _place(services: Services, found: dict[int, list[Grouped]]) -> int:
    if not any(found.values()):
        return 0
    with services.db.write() as session:
        placed = [one for one in hold_logs(session, found) if one.number <= len(found[one.log_row])]
        await_anew(session, _waiting(placed, found))
        return place(session, [(one, found[one.log_row][one.number - 1].group) for one in placed])


def _waiting(placed: list[Placed], found: dict[int, list[Grouped]]) -> dict[int, list[AwaitingLog]]:
    """Row of a log, which is held -> all that its reports wait for."""
    rows: dict[int, list[AwaitingLog]] = {}
    for one in placed:
        rows.setdefault(one.log_row, []).extend(waiting(one.app_id, one.log_row, found[one.log_row][one.number - 1]))
    return rows
