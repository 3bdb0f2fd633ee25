"""Makes caches of an uploaded file of symbols, in a worker. Safe to repeat; killed anywhere, the next attempt goes on."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import structlog

from app.broker import LONG, REGROUP
from app.db.app import App
from app.db.app_settings import reports_changed
from app.db.awaited_symbols import are_awaited
from app.db.regrouping import wish
from app.db.symbol_part import parts_of
from app.db.symbols import (
    MAX_NAME,
    MAX_REASON,
    SymbolFile,
    SymbolImage,
    SymbolState,
    claim_symbols,
    hold_attempt,
    release_symbols,
)
from app.errors import AppError, TransientError
from app.services import Services
from app.storage import symbols_key
from app.symbolication.uploads import stream_parts
from app.symbols.contents import ARCHIVE, About, contents, is_whole_archive
from app.symbols.objects import NotSymbols

CHUNK = 1024 * 1024  # bytes
UNPACKED_AT_MOST = 4  # times CRASHQ_MAX_SYMBOL_BYTES, of one archive

log = structlog.get_logger()


class Made(NamedTuple):
    """What a file was found to be."""

    kind: str
    images: list[dict[str, str | None]]  # columns of symbol_images
    keys: list[str]  # of the objects that were stored for it


def make_symbols(services: Services, row_id: int) -> None:
    """Look into a received file and store its caches, or reject it with the reason."""
    now = services.now()
    with services.db.write() as session:
        claimed = claim_symbols(session, row_id, now, timedelta(seconds=services.config.job_time_limit))
        app = session.get_one(App, claimed.app_id).identifier if claimed else ""
    if claimed is None:
        return
    try:
        if claimed.strikes > services.config.max_attempts:
            raise NotSymbols(f"The file could not be read in {claimed.strikes - 1} attempts")
        made = _make(services, claimed, app)
    except NotSymbols as error:
        _settle(services, claimed, None, error.message)
    except Exception as error:
        strike = not isinstance(error, TransientError)
        if strike and not isinstance(error, AppError):
            log.exception("symbols_broke", symbols=claimed.id, error=type(error).__name__)
        with services.db.write() as session:
            held = hold_attempt(session, claimed.id, claimed.attempt)
            if held is not None:
                release_symbols(held, services.now(), strike=strike)
    else:
        _settle(services, claimed, made, None)


def _make(services: Services, claimed: SymbolFile, app: str) -> Made:
    with TemporaryDirectory(prefix="crashq-symbols-") as name:
        folder = Path(name)
        file = folder / "upload"
        with services.db.read() as session:
            parts = parts_of(session, claimed.identifier)
        with file.open("wb") as out:
            for chunk in stream_parts(services, parts) if parts else services.storage.stream(claimed.storage_key):
                out.write(chunk)
        kind = ""
        keys: list[str] = []
        images: list[dict[str, str | None]] = []
        about = About(claimed.name, claimed.version, claimed.build)
        for held in contents(file, folder, about, UNPACKED_AT_MOST * services.config.max_symbol_bytes):
            key = symbols_key(app, claimed.identifier, f"{claimed.attempt}-{len(keys)}.{held.kind}")
            services.storage.put(key, _chunks(held.cache))
            keys.append(key)
            told = {"kind": held.kind, "arch": held.arch, "name": held.name[:MAX_NAME], "cache_key": key}
            images += ({"debug_id": one, **told} for one in held.ids)
            kind = held.file_format
        return Made(ARCHIVE if is_whole_archive(file) else kind, images, keys)


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK):
            yield chunk


def _settle(services: Services, claimed: SymbolFile, made: Made | None, reason: str | None) -> None:
    """Record the outcome, unless the file is gone or another attempt has begun: then nothing of this one is left."""
    wished = None
    with services.db.write() as session:
        held = hold_attempt(session, claimed.id, claimed.attempt)
        if held is not None:
            held.ready_at = services.now() if made else None
            held.state = SymbolState.READY if made else SymbolState.REJECTED
            held.kind, held.reason = made.kind if made else None, reason and reason[:MAX_REASON]
            held.lease_expires_at = None
            session.flush()
        if held is not None and made:
            session.add_all(SymbolImage(symbol_id=held.id, app_id=held.app_id, **one) for one in made.images)
            session.flush()
            reports_changed(session, held.app_id)
            if are_awaited(session, held.app_id, (str(one["debug_id"]) for one in made.images)):
                wished = wish(session, held.app_id, services.now())
    if wished is not None:
        services.broker.ring(REGROUP, str(wished), LONG)
    if held is None and made:
        for key in made.keys:
            with suppress(TransientError):
                services.storage.delete(key)
    log.info("symbols_made" if made else "symbols_rejected", symbols=claimed.id, is_own=held is not None)
