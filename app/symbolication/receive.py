"""Takes an uploaded file of symbols: streams it to the storage, records it, and enqueues its task. Nothing of it is read."""

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import structlog

from app.db import insert_or_ignore
from app.db.models.app import App
from app.db.models.symbols import MAX_NAME, MAX_VERSION, SymbolFile, SymbolState, find_same
from app.db.work import ENQUEUE_AGAIN_AFTER
from app.errors import BadParameters, TooLarge, TransientError
from app.queueing.broker import LONG, MAKE_SYMBOLS
from app.services import Services
from app.storage import symbols_key
from app.symbols.contents import About

log = structlog.get_logger()


def check_about(about: About) -> None:
    """Raises BadParameters when what is said of a file cannot be stored."""
    for label, value, most in zip(about._fields, about, (MAX_NAME, MAX_VERSION, MAX_VERSION), strict=True):
        if len(value) > most or any(sign < " " or "\ud800" <= sign <= "\udfff" for sign in value):
            raise BadParameters(f"{label} has to have at most {most} characters, none of them control characters")


def receive_symbols(services: Services, app: App, about: About, chunks: Iterable[bytes]) -> SymbolFile:
    """Store a file for a worker to look into. The same bytes for the same version again change nothing.

    The bytes are durable before the row is, and the row before this returns. Raises BadParameters or TooLarge.
    """
    check_about(about)
    identifier, counted = secrets.token_hex(12), CountedChunks(chunks, services.config.max_symbol_bytes, "The file")
    key = symbols_key(app.identifier, identifier, "upload")
    services.storage.put(key, counted)
    if not counted.size:
        services.storage.delete(key)
        raise BadParameters("The body is empty: send one file of symbols as the body")
    sha256 = counted.sha256.hexdigest()
    values = row_of(services, app, about, identifier, sha256, counted.size, key)
    with services.db.write() as session:
        is_new = insert_or_ignore(session, SymbolFile, values)
        found = find_same(session, app.id, sha256, about.version, about.build)
    if not is_new:
        with suppress(TransientError):
            services.storage.delete(key)
    return enqueue_received(services, app, found, is_new=is_new)


def row_of(
    services: Services, app: App, about: About, identifier: str, sha256: str, size: int, key: str
) -> dict[str, Any]:
    """The row of a file whose bytes are stored, as it waits for a worker."""
    now = services.now()
    return {
        "identifier": identifier, "app_id": app.id, "sha256": sha256, "version": about.version, "build": about.build,
        "name": about.name, "size": size, "state": SymbolState.RECEIVED, "received_at": now, "storage_key": key,
        "attempt": 0, "failures": 0, "enqueue_after": now + ENQUEUE_AGAIN_AFTER, "enqueued": 0,
    }  # fmt: skip


def enqueue_received(services: Services, app: App, found: SymbolFile | None, *, is_new: bool) -> SymbolFile:
    """Enqueue a file whose row is committed, if it waits. Raises TransientError when it has just been deleted."""
    if found is None:
        raise TransientError
    if is_new:
        log.info("symbols_received", symbols=found.id, app=app.identifier, bytes=found.size)
    if found.state == SymbolState.RECEIVED:
        services.broker.enqueue(MAKE_SYMBOLS, str(found.id), LONG)
    return found


class CountedChunks:
    """Chunks that are counted and hashed on their way. Raises TooLarge."""

    def __init__(self, chunks: Iterable[bytes], limit: int, what: str) -> None:
        self.size, self.sha256 = 0, hashlib.sha256()
        self._chunks, self._limit, self._what = chunks, limit, what

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.size += len(chunk)
            if self.size > self._limit:
                raise TooLarge(f"{self._what} is larger than {self._limit} bytes")
            self.sha256.update(chunk)
            yield chunk
