"""Makes caches of an uploaded file of symbols, in a worker. Safe to repeat; killed anywhere, the next attempt goes on.

The file is read in a process of its own, within bounds of memory and processor time.
"""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import structlog

from app.config import MIB
from app.db import Session
from app.db.models.app import App
from app.db.models.app_settings import reports_changed
from app.db.models.awaited_symbols import are_awaited
from app.db.models.regrouping import wish
from app.db.models.symbol_part import parts_of
from app.db.models.symbols import LEASING, MAX_NAME, MAX_REASON, SymbolFile, SymbolImage, SymbolState
from app.errors import AppError, TransientError
from app.queueing.broker import LONG, MAKE_SYMBOLS, REGROUP
from app.services import Services
from app.storage import symbols_key
from app.symbolication.receive import stream_parts
from app.symbols.contents import ARCHIVE, About, Held, is_whole_archive
from app.symbols.objects import NotSymbols
from app.work.errors import AttemptLost, AttemptsUsedUp
from app.work.lease import Attempt, run_next
from app.work.limits import Budget, OverBudget, uncut
from app.work.work_type import Message, WorkType

CHUNK = MIB
UNPACKED_AT_MOST = 4  # times CRASHQ_MAX_SYMBOL_BYTES, of one archive
READ_WITHIN = 60.0  # seconds of processor time
READ_WITHIN_PER_MIB = 2.0  # more of these for each MiB of the file, which may be packed
TIMES = 4  # as many seconds of time: store and other processes are waited for
LOOK_EVERY = 200  # milliseconds; a wait in C cannot be ended by a limit
BROKEN = (
    signal.SIGABRT,
    signal.SIGSEGV,
    signal.SIGBUS,
    signal.SIGILL,
    signal.SIGTRAP,
)  # what the file itself made happen
_FOLDER = str(Path(__file__).parents[2])

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
    try:
        made = _make(services, claimed, app)
    except NotSymbols as error:
        with services.db.write() as session:
            attempt.complete(session, state=SymbolState.REJECTED, reason=error.message[:MAX_REASON])
        log.info("symbols_rejected", symbols=claimed.id)
    else:
        _store(attempt, made)


def _make(services: Services, claimed: SymbolFile, app: str) -> Made:
    with TemporaryDirectory(prefix="crashq-symbols-") as name:
        folder = Path(name)
        file = folder / "upload"
        with services.db.read() as session:
            parts = parts_of(session, claimed.identifier)
        with file.open("wb") as out:
            for chunk in (
                stream_parts(services, parts)
                if parts
                else services.storage.stream(claimed.storage_key, size=claimed.size)
            ):
                out.write(chunk)
        kind = ""
        keys: list[str] = []
        images: list[dict[str, str | None]] = []
        about = About(claimed.name, claimed.version, claimed.build)
        unpacked = UNPACKED_AT_MOST * services.config.max_symbol_bytes
        bounds = ReaderBounds(unpacked, services.config.symbol_memory, _cpu_seconds(claimed))
        try:
            for held in read_contents(file, folder, about, bounds):
                key = symbols_key(app, claimed.identifier, f"{claimed.attempt}-{len(keys)}.{held.kind}")
                services.storage.put(key, _chunks(held.cache))
                keys.append(key)
                columns = {"kind": held.kind, "arch": held.arch, "name": held.name[:MAX_NAME], "cache_key": key}
                images += ({"debug_id": one, **columns} for one in held.ids)
                kind = held.file_format
        except (NotSymbols, OverBudget):
            _drop(services, keys)
            raise
        return Made(ARCHIVE if is_whole_archive(file) else kind, images, keys)


def _drop(services: Services, keys: list[str]) -> None:
    for key in keys:
        with suppress(TransientError):
            services.storage.delete(key)


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK):
            yield chunk


def _store(attempt: Attempt[SymbolFile], made: Made) -> None:
    """Record what was found, unless the file is gone or another attempt has begun: then nothing of this one is left."""
    services, row = attempt.services, attempt.row
    wished = None
    try:
        with services.db.write() as session:
            attempt.complete(session, state=SymbolState.READY, kind=made.kind, ready_at=services.now())
            session.add_all(SymbolImage(symbol_id=row.id, app_id=row.app_id, **one) for one in made.images)
            session.flush()
            reports_changed(session, row.app_id)
            if are_awaited(session, row.app_id, (str(one["debug_id"]) for one in made.images)):
                wished = wish(session, row.app_id, services.now())
    except AttemptLost:
        _drop(services, made.keys)
        raise
    if wished is not None:
        services.broker.enqueue(REGROUP, str(wished), LONG)
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


class ReaderBounds(NamedTuple):
    """What reading one file may take."""

    max_unpacked: int  # bytes of an archive's members, in all
    memory: int  # bytes
    cpu_seconds: float


class ReaderEnded(Exception):
    """The process ended for a reason that the file did not give."""


def read_contents(file: Path, folder: Path, about: About, bounds: ReaderBounds) -> Iterator[Held]:
    """Everything that the file holds; caches are made in `folder`, and each is gone once the next one is asked for.

    Raises NotSymbols when there is nothing or it cannot be read within its memory, OverBudget, OSError for what the disk
    cannot do, and ReaderEnded.
    """
    process = _started({
        "file": str(file), "folder": str(folder), "about": about, "max_unpacked": bounds.max_unpacked,
        "memory": bounds.memory, "cpu_seconds": ceil(bounds.cpu_seconds),
    })  # fmt: skip
    try:
        for message in _lines(process):
            if "held" in message:
                held = Held._make(message["held"])
                yield held._replace(cache=Path(held.cache))
                _go_on(process)
            elif "rejected" in message:
                raise NotSymbols(message["rejected"])
            elif "errno" in message:
                raise OSError(message["errno"], os.strerror(message["errno"] or 0))
            elif "memory" in message:
                raise _too_large(bounds)
            else:
                return
        code = process.wait()
    finally:
        _ended(process)
    if code == -signal.SIGXCPU:
        raise OverBudget(bounds.cpu_seconds, is_cpu=True)
    if -code in BROKEN:
        raise _too_large(bounds)
    raise ReaderEnded(f"It ended with {code}")


def _too_large(bounds: ReaderBounds) -> NotSymbols:
    return NotSymbols(
        f"It cannot be read: it needs more than {bounds.memory // MIB} MiB of memory, or is nested too deep"
    )


def _started(order: dict[str, Any]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  our own module
        [sys.executable, "-P", "-m", "app.symbolication.reader_process", json.dumps(order)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what a library says when it breaks may hold names out of the file
        env={"PYTHONPATH": _FOLDER, "PATH": os.defpath, "MALLOC_ARENA_MAX": "1"},  # no secrets
        start_new_session=True,  # Ctrl-C is for the worker, which hands back
    )


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _go_on(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    try:
        os.write(process.stdin.fileno(), b"\n")
    except BrokenPipeError:  # it has died; how, is seen next
        return


def _lines(process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    out, rest = process.stdout.fileno(), b""
    waiting = select.poll()
    waiting.register(out, select.POLLIN | select.POLLHUP)
    while True:
        if not waiting.poll(LOOK_EVERY):
            continue
        chunk = os.read(out, 65_536)
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        yield from map(json.loads, lines)


uncut(_started, _ended)
