"""Takes an uploaded file of symbols, at once or chunk by chunk: stores it, records it, and enqueues its task."""

import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any, NamedTuple

import structlog

from app.config import MIB
from app.db import Session, insert_or_ignore
from app.db.models.app import App
from app.db.models.symbol_part import SymbolPart, drop_parts_of, parts_of
from app.db.models.symbol_upload import (
    SymbolUpload,
    add_part,
    count_uploads,
    find_upload,
    forget_upload,
    hold_upload,
    same_upload,
    untouched_uploads,
)
from app.db.models.symbols import MAX_NAME, MAX_VERSION, SymbolFile, SymbolState, find_same, lock_symbols
from app.db.work import ENQUEUE_AGAIN_AFTER
from app.errors import BadParameters, Conflict, NotFound, TooLarge, TransientError
from app.queueing.broker import LONG, MAKE_SYMBOLS
from app.services import Services
from app.storage_keys import symbols_key
from app.symbolication.damage import drop_if_damaged
from app.symbolication.given_ids import add_ids, enqueue_regrouping, ids_of
from app.symbols.contents import About

LEAST_CHUNK, BEST_CHUNK, MOST_CHUNK = MIB, 16 * MIB, 64 * MIB  # bytes; the last chunk may be smaller than the least
AT_ONCE = 100  # uploads of one app that are not whole
KEPT_FOR = timedelta(days=1)  # after the last chunk
DROPPED_AT_ONCE = 100

log = structlog.get_logger()


def check_about(about: About) -> None:
    """Raises BadParameters when what is said of a file cannot be stored."""
    for label, value, most in zip(about._fields, about, (MAX_NAME, MAX_VERSION, MAX_VERSION), strict=True):
        if len(value) > most or any(sign < " " or "\ud800" <= sign <= "\udfff" for sign in value):
            raise BadParameters(f"{label} has to have at most {most} characters, none of them control characters")


def receive_symbols(
    services: Services, app: App, about: About, chunks: Iterable[bytes], given: str | None = None
) -> SymbolFile:
    """Store a file for a worker to look into. The same bytes for the same version again only add an id, or heal the file.

    `given` is an id by which the file is found, too. The bytes are durable before the row is, and the row before this
    returns. Raises BadParameters, Conflict or TooLarge.
    """
    check_about(about)
    ids = ids_of(about.name, given)
    identifier, counted = secrets.token_hex(12), CountedChunks(chunks, services.config.max_symbol_bytes, "The file")
    key = symbols_key(app.identifier, identifier, "upload")
    services.storage.put(key, counted)
    if not counted.size:
        services.storage.delete(key)
        raise BadParameters("The body is empty: send one file of symbols as the body")
    sha256 = counted.sha256.hexdigest()
    values = row_of(services, app, about, identifier, sha256, counted.size, key)
    drop_if_damaged(services, app.id, sha256, about.version, about.build)
    with services.db.write() as session:
        is_new = insert_or_ignore(session, SymbolFile, values)
        found = find_same(session, app.id, sha256, about.version, about.build)
        wished = _give_ids(services, session, found, ids)
    enqueue_regrouping(services, wished)
    if not is_new:
        with suppress(TransientError):
            services.storage.delete(key)
    return enqueue_received(services, app, found, is_new=is_new)


def _give_ids(services: Services, session: Session, found: SymbolFile | None, ids: list[str]) -> int | None:
    locked = lock_symbols(session, found.id) if found and ids else None
    return add_ids(services, session, locked, ids) if locked else None


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


class BegunUpload(NamedTuple):
    """An upload to go on with, or the file that needs none."""

    upload: SymbolUpload | None
    file: SymbolFile | None


def begin_upload(services: Services, app: App, about: About, size: int, sha256: str) -> BegunUpload:
    """Begin an upload, or find the one under way of the same bytes for the same version, or the file if it is there.

    Raises BadParameters, TooLarge or Conflict.
    """
    check_about(about)
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise BadParameters("sha256 has to be 64 lower-case hex digits")
    if size < 1:
        raise BadParameters("size has to be the number of bytes of the file")
    if size > services.config.max_symbol_bytes:
        raise TooLarge(f"The file is larger than {services.config.max_symbol_bytes} bytes")
    now = services.now()
    values = {"identifier": secrets.token_hex(12), "app_id": app.id, "sha256": sha256, "size": size, "version": about.version,
              "build": about.build, "name": about.name, "received": 0, "created_at": now, "touched_at": now}  # fmt: skip
    drop_if_damaged(services, app.id, sha256, about.version, about.build)
    with services.db.write() as session:
        found = find_same(session, app.id, sha256, about.version, about.build)
        if found is not None:
            return BegunUpload(None, found)
        upload = same_upload(session, app.id, sha256, about.version, about.build)
        if upload is None and count_uploads(session, app.id) >= AT_ONCE:
            raise Conflict(f"{AT_ONCE} uploads of this app are not finished; go on with them or delete some")
        if upload is None:
            insert_or_ignore(session, SymbolUpload, values)
            upload = same_upload(session, app.id, sha256, about.version, about.build)
    if upload is None:
        raise TransientError
    if upload.size != size:
        raise Conflict(f"An upload of this sha256 was begun with a size of {upload.size} bytes")
    return BegunUpload(upload, None)


def show_upload(services: Services, app: App, identifier: str) -> SymbolUpload:
    """An upload as it stands. Raises NotFound."""
    with services.db.read() as session:
        found = find_upload(session, app.id, identifier)
    if found is None:
        raise NotFound("Upload not found; one that is finished is found among the symbols")
    return found


def add_chunk(
    services: Services, app: App, identifier: str, offset: int, chunks: Iterable[bytes], sha256: str = ""
) -> SymbolUpload:
    """Store the bytes that follow those that are there; with a `sha256` (hex) only if it is theirs.

    Raises NotFound, BadParameters, Conflict when `offset` is not where the file goes on, TooLarge.
    """
    upload = show_upload(services, app, identifier)
    _follows(upload, offset)
    left = upload.size - offset
    key = symbols_key(app.identifier, identifier, f"part-{offset:014d}-{secrets.token_hex(4)}")
    counted = CountedChunks(chunks, min(left, MOST_CHUNK), "The chunk")
    services.storage.put(key, counted)
    try:
        if not counted.size or (counted.size < LEAST_CHUNK and counted.size < left):
            raise BadParameters(f"A chunk has {LEAST_CHUNK} to {MOST_CHUNK} bytes; only the last one may have fewer")
        if sha256 and counted.sha256.hexdigest() != sha256.lower():
            raise BadParameters("The chunk is not the one that its sha256 tells of")
        part = SymbolPart(identifier=identifier, begins=offset, size=counted.size, storage_key=key)
        with services.db.write() as session:
            is_next = add_part(session, upload, part, services.now())
        if not is_next:
            _follows(show_upload(services, app, identifier), offset)
            raise Conflict("The same chunk came twice at once")
    except Exception:
        with suppress(TransientError):
            services.storage.delete(key)
        raise
    return show_upload(services, app, identifier)


def _follows(upload: SymbolUpload, offset: int) -> None:
    if offset != upload.received:
        raise Conflict(f"The upload goes on at byte {upload.received}")
    if upload.received == upload.size:
        raise Conflict("All bytes are there; finish the upload")


def finish_upload(services: Services, app: App, identifier: str) -> SymbolFile:
    """Check the whole file by its SHA-256 and let a worker look into it.

    Raises NotFound, Conflict when bytes are missing, BadParameters when they differ from those announced: the upload is
    gone then.
    """
    upload = show_upload(services, app, identifier)
    if upload.received < upload.size:
        raise Conflict(f"The upload is not whole: it goes on at byte {upload.received} of {upload.size}")
    with services.db.read() as session:
        parts = parts_of(session, identifier)
    digest = hashlib.sha256()
    for chunk in stream_parts(services, parts):
        digest.update(chunk)
    if digest.hexdigest() != upload.sha256:
        drop_upload(services, app, identifier)
        raise BadParameters("The file is not the one that its sha256 tells of; the upload is gone, begin it anew")
    about = About(upload.name, upload.version, upload.build)
    values = row_of(services, app, about, identifier, upload.sha256, upload.size, parts[0].storage_key)
    with services.db.write() as session:
        if hold_upload(session, identifier) is None:
            raise NotFound("Upload not found; one that is finished is found among the symbols")
        is_new = insert_or_ignore(session, SymbolFile, values)
        found = find_same(session, app.id, upload.sha256, upload.version, upload.build)
        wished = _give_ids(services, session, found, ids_of(upload.name))
        if not is_new:  # it came in one piece meanwhile
            drop_parts_of(session, identifier, services.now())
        forget_upload(session, identifier)
    enqueue_regrouping(services, wished)
    return enqueue_received(services, app, found, is_new=is_new)


def stream_parts(services: Services, parts: list[SymbolPart]) -> Iterator[bytes]:
    """The bytes of chunks, in order. Raises TransientError or ObjectNotFound."""
    for part in parts:
        yield from services.storage.stream(part.storage_key, size=part.size)


def drop_upload(services: Services, app: App, identifier: str) -> None:
    """Give an upload up. Raises NotFound."""
    show_upload(services, app, identifier)
    _drop(services, identifier)


def drop_untouched(services: Services) -> int:
    """Give up uploads that nobody has gone on with for a day; returns how many."""
    with services.db.read() as session:
        old = untouched_uploads(session, services.now() - KEPT_FOR, DROPPED_AT_ONCE)
    for identifier in old:
        _drop(services, identifier)
        log.info("symbol_upload_dropped", symbols=identifier)
    return len(old)


def _drop(services: Services, identifier: str) -> None:
    with services.db.write() as session:
        if forget_upload(session, identifier):
            drop_parts_of(session, identifier, services.now())
