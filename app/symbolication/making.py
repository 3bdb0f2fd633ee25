"""Makes caches of an uploaded file of symbols, in a worker. Safe to repeat; killed anywhere, the next attempt goes on.

The file is read in a process of its own, within bounds of memory and processor time.
"""

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import structlog

from app.config import MIB
from app.db import Session
from app.db.models.app import App
from app.db.models.app_settings import reports_changed
from app.db.models.awaited_symbols import are_awaited
from app.db.models.given_symbol_id import given_ids
from app.db.models.regrouping import wish
from app.db.models.symbols import IN_CHUNKS, LEASING, MAX_NAME, MAX_REASON, SymbolFile, SymbolImage, SymbolState
from app.errors import AppError, TransientError
from app.queueing.broker import LONG, MAKE_SYMBOLS
from app.services import Services
from app.storage import ObjectDamaged, ObjectNotFound
from app.storage_keys import symbol_cache_key
from app.symbolication.damage import LOST
from app.symbolication.fetching import fetch, file_chunks, put_together, sha256_of
from app.symbolication.given_ids import enqueue_regrouping, place_ids
from app.symbolication.reader import ReaderBounds, read_contents
from app.symbols import NotSymbols
from app.symbols.contents import About, container
from app.work.errors import AttemptLost, AttemptsUsedUp
from app.work.lease import Attempt, run_next
from app.work.limits import Budget, OverBudget
from app.work.work_type import Message, WorkType

UNPACKED_AT_MOST = 4  # times CRASHQ_MAX_SYMBOL_BYTES, of one archive
READ_WITHIN = 60.0  # seconds of processor time
READ_WITHIN_PER_MIB = 2.0  # more of these for each MiB of the file, which may be packed
TIMES = 4  # as many seconds of time: store and other processes are waited for

log = structlog.get_logger()


class Made(NamedTuple):
    """What a file was found to be."""

    kind: str
    images: list[dict[str, str | None]]  # columns of symbol_images
    keys: list[str]  # of the objects that were stored for it


def make_symbols(services: Services, row_id: int) -> None:
    """Look into a received file and store its caches, or reject it with the reason."""
    run_next(services, WORK, row_id)


def _look_into(attempt: Attempt[SymbolFile]) -> None:
    services, claimed = attempt.services, attempt.row
    with services.db.read() as session:
        app = session.get_one(App, claimed.app_id).identifier
    with TemporaryDirectory(prefix="crashq-symbols-") as name:
        file = Path(name) / "upload"
        try:
            if claimed.sha256.startswith(IN_CHUNKS):
                if not put_together(attempt, app, file):
                    return
            elif fetch(services, claimed, file).sha256 != claimed.sha256:
                raise ObjectDamaged
            made = _make(services, claimed, app, file)
        except (NotSymbols, ObjectNotFound) as error:
            reason = LOST if isinstance(error, ObjectNotFound) else error.message[:MAX_REASON]
            with services.db.write() as session:
                attempt.complete(session, state=SymbolState.REJECTED, reason=reason)
            log.info("symbols_rejected", symbols=claimed.id)
        else:
            _store(attempt, made)


def _make(services: Services, claimed: SymbolFile, app: str, file: Path) -> Made:
    kind = ""
    keys: list[str] = []
    images: list[dict[str, str | None]] = []
    about = About(claimed.name, claimed.version, claimed.build)
    unpacked = UNPACKED_AT_MOST * services.config.max_symbol_bytes
    bounds = ReaderBounds(unpacked, services.config.symbol_memory, _cpu_seconds(claimed))
    try:
        for held in read_contents(file, file.parent, about, bounds):
            name = f"{claimed.attempt_name}-{len(keys)}.{held.kind}"
            key = symbol_cache_key(app, claimed.identifier, name, sha256_of(held.cache))
            services.storage.put(key, file_chunks(held.cache))
            keys.append(key)
            columns = {"kind": held.kind, "arch": held.arch, "name": held.name[:MAX_NAME], "cache_key": key}
            images += ({"debug_id": one, **columns} for one in held.ids)
            kind = held.file_format
    except (NotSymbols, OverBudget):
        _drop(services, keys)
        raise
    return Made(container(file) or kind, images, keys)


def _drop(services: Services, keys: list[str]) -> None:
    for key in keys:
        with suppress(TransientError):
            services.storage.delete(key)


def _store(attempt: Attempt[SymbolFile], made: Made) -> None:
    """Record what was found, unless the file is gone or another attempt has begun: then nothing of this one is left."""
    services, row = attempt.services, attempt.row
    wished = wished_by_given = None
    try:
        with services.db.write() as session:
            attempt.complete(session, state=SymbolState.READY, kind=made.kind, ready_at=services.now())
            session.add_all(SymbolImage(symbol_id=row.id, app_id=row.app_id, **one) for one in made.images)
            session.flush()
            reports_changed(session, row.app_id)
            if are_awaited(session, row.app_id, (str(one["debug_id"]) for one in made.images)):
                wished = wish(session, row.app_id, services.now())
            given = given_ids(session, [row.id]).get(row.id, set())
            wished_by_given = place_ids(services, session, row, given)
    except AttemptLost:
        _drop(services, made.keys)
        raise
    enqueue_regrouping(services, wished or wished_by_given)
    log.info("symbols_made", symbols=row.id)


def _cpu_seconds(row: SymbolFile) -> float:
    return READ_WITHIN + row.size / MIB * READ_WITHIN_PER_MIB


def _budget(_services: Services, row: SymbolFile) -> Budget:
    seconds = _cpu_seconds(row)
    return Budget(seconds=TIMES * seconds, cpu_seconds=seconds)


def _give_up(
    _services: Services, _session: Session, row: SymbolFile, error: AppError, _now: datetime
) -> dict[str, object]:
    reason = f"The file could not be read in {row.attempt} attempts"
    return {"state": SymbolState.REJECTED, "reason": reason if isinstance(error, AttemptsUsedUp) else error.message}


WORK = WorkType(
    name="symbols",
    noun="file of symbols",
    leasing=LEASING,
    message=lambda row: Message(MAKE_SYMBOLS, str(row.id), LONG),
    step=_look_into,
    budget=_budget,
    give_up=_give_up,
    permanent=(),
)
