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
from app.db.symbols import (
    MAPPING,
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
from app.symbols.awaiting import release_key
from app.symbols.mapping import Mapping, make_mapping
from app.symbols.objects import NotSymbols, make_caches

CHUNK = 1024 * 1024  # bytes
OBJECTS = (b"\x7fELF", b"MZ", b"MODULE ", b"Microsoft C/C++ MSF", b"\xfe\xed\xfa", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe",
           b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf")  # fmt: skip
"""How files of debug information begin; anything else has to be a mapping."""

log = structlog.get_logger()


class Made(NamedTuple):
    """What a file was found to be."""

    kind: str
    images: list[dict[str, str | None]]  # debug_id, arch, cache_key


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
        with file.open("wb") as out:
            for chunk in services.storage.stream(claimed.storage_key):
                out.write(chunk)
        with file.open("rb") as opened:
            head = opened.read(32)
        if not head.startswith(OBJECTS):
            key = symbols_key(app, claimed.identifier, f"{claimed.attempt}-0.mapping")
            make_mapping(file, folder / "mapping")
            services.storage.put(key, _chunks(folder / "mapping"))
            ids = [str(Mapping(folder / "mapping").uuid)]
            if claimed.version or claimed.build:
                ids.append(release_key(claimed.version, claimed.build))
            return Made(MAPPING, [{"debug_id": one, "arch": None, "cache_key": key} for one in ids])
        kind = ""
        images: list[dict[str, str | None]] = []
        for number, found in enumerate(make_caches(file, folder)):
            key = symbols_key(app, claimed.identifier, f"{claimed.attempt}-{number}.symcache")
            services.storage.put(key, _chunks(found.cache))
            found.cache.unlink()
            images.append({"debug_id": found.debug_id, "arch": found.arch, "cache_key": key})
            kind = found.file_format
        if not images:
            raise NotSymbols(
                "The file describes no image: it has neither debug information nor a symbol table, or no id"
            )
        return Made(kind, images)


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
        for one in made.images:
            with suppress(TransientError):
                services.storage.delete(str(one["cache_key"]))
    log.info("symbols_made" if made else "symbols_rejected", symbols=claimed.id, is_own=held is not None)
