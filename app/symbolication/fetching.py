"""The bytes of an uploaded file of symbols, brought to a worker: as they were stored, or put together from chunks."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import structlog

from app.config import MIB
from app.db import Session
from app.db.models.given_symbol_id import given_ids
from app.db.models.symbol_chunk import drop_chunks
from app.db.models.symbol_part import drop_parts_of, parts_of
from app.db.models.symbols import SymbolFile, SymbolState, find_same, lock_symbols
from app.db.queries.removal import drop_symbols
from app.errors import TransientError
from app.services import Services
from app.storage_keys import symbols_key
from app.symbolication.given_ids import add_ids, enqueue_regrouping
from app.symbolication.receive import stream_parts
from app.work.errors import AttemptLost
from app.work.lease import Attempt

CHUNK = MIB
OTHER_CHECKSUM = "The chunks do not make the file of this SHA-1; send it again"

log = structlog.get_logger()


class Digests(NamedTuple):
    """Of a file, in hex."""

    sha1: str
    sha256: str


def fetch(services: Services, file: SymbolFile, into: Path) -> Digests:
    """Write the file's bytes. Raises TransientError or ObjectNotFound."""
    with services.db.read() as session:
        parts = parts_of(session, file.identifier)
    whole = services.storage.stream(file.storage_key, size=file.size) if not parts else stream_parts(services, parts)
    return _write(whole, into)


def put_together(attempt: Attempt[SymbolFile], app: str, into: Path) -> bool:
    """Write the bytes that its chunks make and store them as one object; the chunks are needed no more.

    False when the work is over: the chunks make another file, or one that the app has already.
    """
    services, file = attempt.services, attempt.row
    digests = fetch(services, file, into)
    key = symbols_key(app, file.identifier, f"{file.attempt_name}-upload")
    services.storage.put(key, file_chunks(into))
    wished = None
    try:
        with services.db.write() as session:
            is_right = digests.sha1 == file.checksum
            known = find_same(session, file.app_id, digests.sha256, file.version, file.build) if is_right else None
            chunks = [part.storage_key for part in parts_of(session, file.identifier)]
            if known is not None:
                attempt.complete(session)
                wished = _join(services, session, file, known.id)
            elif is_right:
                attempt.write(session, sha256=digests.sha256, storage_key=key)
            else:
                attempt.complete(session, state=SymbolState.REJECTED, reason=OTHER_CHECKSUM, storage_key=key)
            drop_parts_of(session, file.identifier, services.now(), are_shared=True)
            drop_chunks(session, chunks, services.now())
    except AttemptLost:
        _delete(services, key)
        raise
    if known is not None:
        _delete(services, key)
        enqueue_regrouping(services, wished)
    if not is_right or known is not None:
        log.info("symbols_not_new", symbols=file.id, is_damaged=not is_right)
        return False
    file.sha256, file.storage_key = digests.sha256, key
    return True


def file_chunks(file: Path) -> Iterator[bytes]:
    """A file's bytes, a MiB at a time."""
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK):
            yield chunk


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _join(services: Services, session: Session, file: SymbolFile, known: int) -> int | None:
    """Let the file that has the same bytes stand for this one; returns the regrouping to enqueue, if any."""
    same = lock_symbols(session, known)
    if same is None:
        raise TransientError
    ids = given_ids(session, [file.id]).get(file.id, set())
    drop_symbols(session, session.get_one(SymbolFile, file.id), services.now())
    same.checksum = file.checksum
    return add_ids(services, session, same, ids)


def _write(chunks: Iterable[bytes], into: Path) -> Digests:
    sha1, sha256 = hashlib.sha1(usedforsecurity=False), hashlib.sha256()
    with into.open("wb") as out:
        for chunk in chunks:
            out.write(chunk)
            sha1.update(chunk)
            sha256.update(chunk)
    return Digests(sha1.hexdigest(), sha256.hexdigest())


def _delete(services: Services, key: str) -> None:
    with suppress(TransientError):
        services.storage.delete(key)
