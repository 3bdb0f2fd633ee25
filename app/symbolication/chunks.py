"""Chunks of files that build tools send: checked by their SHA-1, stored once for each owner, dropped when nobody needs them."""

import hashlib
import secrets
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from typing import NamedTuple

import structlog

from app.config import MIB
from app.db import insert_or_ignore
from app.db.models.app import App
from app.db.models.symbol_chunk import (
    OVERHEAD,
    ChunkOwner,
    SymbolChunk,
    drop_chunks,
    held_chunks,
    stored_bytes,
    touch_chunks,
    untouched_chunks,
)
from app.errors import BadParameters, Conflict, TransientError
from app.services import Services
from app.storage_keys import symbols_key

CHUNK = 8 * MIB  # bytes of a chunk at most; clients cut their files so
PER_REQUEST = 64  # chunks
REQUEST = 32 * MIB  # bytes of chunks in a request
MEMBERS = "members"  # in the place of an app's identifier: the folder of chunks that members send
FOLDER = "chunks"  # of the owner, beside a folder for each file
KEPT_FOR = timedelta(days=1)  # after it was sent or asked for
DROPPED_AT_ONCE = 500

log = structlog.get_logger()


class Uploader(NamedTuple):
    """Who sends symbols: a member, or somebody with a key of one app."""

    user_id: int | None
    app: App | None

    @property
    def owner(self) -> ChunkOwner:
        """Whose chunks they send."""
        return ChunkOwner(self.app.id if self.app else None, self.user_id)

    @property
    def folder(self) -> str:
        """Where these lie."""
        return self.app.identifier if self.app else MEMBERS


class SentChunk(NamedTuple):
    """A chunk, and the SHA-1 that it was sent under."""

    sha1: str
    content: bytes


def receive_chunks(services: Services, uploader: Uploader, chunks: Iterable[SentChunk]) -> None:
    """Store chunks; one that the owner has already is kept for longer. Each is durable before its row is.

    Raises BadParameters for one that is not what its SHA-1 says, and Conflict when the owner has too many; those before it
    stay.
    """
    limit = services.config.max_chunk_bytes
    with services.db.read() as session:
        used = stored_bytes(session, uploader.owner)
    for chunk in chunks:
        if hashlib.sha1(chunk.content, usedforsecurity=False).hexdigest() != chunk.sha1:
            raise BadParameters(f"The chunk {chunk.sha1} is damaged: it has another SHA-1")
        if _is_there(services, uploader, chunk):
            continue
        used += len(chunk.content) + OVERHEAD
        if used > limit:
            raise Conflict(f"Chunks that no file is made of yet may take {limit} bytes; try again when files are made")
        _store(services, uploader, chunk)


def _is_there(services: Services, uploader: Uploader, chunk: SentChunk) -> bool:
    with services.db.write() as session:
        known = held_chunks(session, uploader.owner, [chunk.sha1])
        touch_chunks(session, known.values(), services.now())
    return bool(known)


def _store(services: Services, uploader: Uploader, chunk: SentChunk) -> None:
    key = symbols_key(uploader.folder, FOLDER, f"{chunk.sha1}-{secrets.token_hex(4)}")
    services.storage.put(key, [chunk.content])
    values = {
        **uploader.owner._asdict(), "sha1": chunk.sha1, "size": len(chunk.content), "storage_key": key,
        "touched_at": services.now(),
    }  # fmt: skip
    with services.db.write() as session:
        is_new = insert_or_ignore(session, SymbolChunk, values)
    if not is_new:  # the same one came twice at once
        with suppress(TransientError):
            services.storage.delete(key)


def drop_untouched_chunks(services: Services) -> int:
    """Drop chunks that nobody has asked for since a day; returns how many."""
    now = services.now()
    with services.db.read() as session:
        old = untouched_chunks(session, now - KEPT_FOR, DROPPED_AT_ONCE)
    if not old:
        return 0
    with services.db.write() as session:
        dropped = drop_chunks(session, old, now)
    log.info("symbol_chunks_dropped", chunks=dropped)
    return dropped
