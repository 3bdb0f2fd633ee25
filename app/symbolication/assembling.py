"""Files of symbols made of chunks that build tools have sent. A worker puts them together: see making.py."""

import enum
import random
import re
import secrets
from datetime import timedelta
from itertools import accumulate
from typing import NamedTuple

from app.batched import batched
from app.db import Session, insert_or_ignore
from app.db.models.app import App
from app.db.models.given_symbol_id import given_ids
from app.db.models.symbol_chunk import held_chunks, touch_chunks
from app.db.models.symbol_part import SymbolPart
from app.db.models.symbols import IN_CHUNKS, MAX_NAME, SymbolFile, SymbolState, by_checksum, find_same, lock_symbols
from app.db.queries.removal import drop_symbols
from app.errors import BadParameters, TransientError
from app.services import Services
from app.storage_keys import symbols_key
from app.symbolication.chunks import Uploader
from app.symbolication.damage import LOST, drop_damaged
from app.symbolication.given_ids import add_ids, enqueue_regrouping, ids_of
from app.symbolication.receive import check_about, enqueue_received, row_of
from app.symbols.contents import About

MAX_FILES = 10_000  # of one request
MAX_CHUNKS = 10_000  # of one file
REJECTED_FOR = timedelta(
    minutes=10
)  # that a request for a rejected file is answered with the reason; then it is begun anew
AT_ONCE = 500  # files looked up together
TOUCHED_EVERY = timedelta(hours=1)  # chunks of a file that is asked for
SHA1 = re.compile(r"[0-9a-f]{40}")


class AssemblyState(enum.StrEnum):
    """The states that Sentry's tools know."""

    NOT_FOUND = "not_found"
    CREATED = "created"
    OK = "ok"
    ERROR = "error"


_STATES = {
    SymbolState.RECEIVED: AssemblyState.CREATED,
    SymbolState.READY: AssemblyState.OK,
    SymbolState.REJECTED: AssemblyState.ERROR,
}


class WantedFile(NamedTuple):
    """A file that is to be put together."""

    checksum: str  # SHA-1 of the file
    chunks: list[str]  # SHA-1 of each, in order
    about: About
    ids: list[str]  # by which it is to be found, too


class Assembly(NamedTuple):
    """How far a file is."""

    state: AssemblyState
    missing: list[str]  # chunks that have to be sent
    detail: str | None  # why it ended in error
    file: SymbolFile | None


def wanted_file(checksum: str, chunks: list[str], about: About, given: str | None = None) -> WantedFile:
    """Check what a tool wants to have put together. Raises BadParameters."""
    if not all(SHA1.fullmatch(one) for one in (checksum, *chunks)):
        raise BadParameters("A checksum of a file or a chunk is its SHA-1: 40 lower-case hex digits")
    if len(chunks) > MAX_CHUNKS:
        raise BadParameters(f"A file has {MAX_CHUNKS} chunks at most")
    ids = ids_of(about.name, given)
    about = about._replace(name=about.name[-MAX_NAME:])
    check_about(about)
    return WantedFile(checksum, chunks, about, ids)


def assemble(services: Services, app: App, uploader: Uploader, files: list[WantedFile]) -> dict[str, Assembly]:
    """Checksum -> how far that file of the app is; one whose chunks are all there is begun. Raises BadParameters or Conflict.

    The files are for one version and build.
    """
    if len(files) > MAX_FILES:
        raise BadParameters(f"A request is about {MAX_FILES} files at most")
    found: dict[str, Assembly] = {}
    for some in batched(files, AT_ONCE):
        told = _look(services, app, uploader, some)
        found |= {one.checksum: told.get(one.checksum) or _begin(services, app, uploader, one) for one in some}
    return found


def _look(services: Services, app: App, uploader: Uploader, files: list[WantedFile]) -> dict[str, Assembly]:
    """Those of the files that are known or lack chunks, by few statements: a tool asks about all of its files at once."""
    about = files[0].about
    with services.db.read() as session:
        rows = by_checksum(session, app.id, [one.checksum for one in files], about.version, about.build)
    rows = {checksum: row for checksum, row in rows.items() if not _is_old_error(services, row)}
    ready = [row for row in rows.values() if row.state == SymbolState.READY or row.reason == LOST]
    lost = drop_damaged(services, random.sample(ready, len(ready)))  # of many files some, others with each request
    rows = {checksum: row for checksum, row in rows.items() if row.id not in lost}
    with services.db.read() as session:
        given = given_ids(session, [row.id for row in rows.values()])
        sha1s = {sha1 for one in files if one.checksum not in rows for sha1 in one.chunks}
        held = held_chunks(session, uploader.owner, sha1s, lock=False)
    told = {}
    for one in files:
        row = rows.get(one.checksum)
        missing = [sha1 for sha1 in dict.fromkeys(one.chunks) if sha1 not in held]
        if row is None and (missing or not one.chunks):
            told[one.checksum] = Assembly(AssemblyState.NOT_FOUND, missing, None, None)
        elif row is not None and given.get(row.id, set()) >= set(one.ids):
            told[one.checksum] = _assembly_of(row)
    old = [one for one in held.values() if one.touched_at < services.now() - TOUCHED_EVERY]
    if old:
        with services.db.write() as session:
            touch_chunks(session, old, services.now())
    return told


def _begin(services: Services, app: App, uploader: Uploader, wanted: WantedFile) -> Assembly:
    about, wished = wanted.about, None
    with services.db.write() as session:
        there = by_checksum(session, app.id, [wanted.checksum], about.version, about.build)
        row = lock_symbols(session, there[wanted.checksum].id) if there else None
        if row is not None and not _is_old_error(services, row):
            wished, made = add_ids(services, session, row, wanted.ids), _assembly_of(row)
        else:
            made = _from_chunks(services, session, app, uploader, wanted, row)
    enqueue_regrouping(services, wished)
    if made.state == AssemblyState.CREATED:
        enqueue_received(services, app, made.file, is_new=row is None)
    return made


def _from_chunks(
    services: Services, session: Session, app: App, uploader: Uploader, wanted: WantedFile, rejected: SymbolFile | None
) -> Assembly:
    """Insert the file's row if all chunks are there."""
    held = held_chunks(session, uploader.owner, wanted.chunks)
    missing = [one for one in dict.fromkeys(wanted.chunks) if one not in held]
    if missing or not wanted.chunks:
        return Assembly(AssemblyState.NOT_FOUND, missing, None, None)
    sizes = [held[one].size for one in wanted.chunks]
    if sum(sizes) > services.config.max_symbol_bytes:
        detail = f"The file is larger than {services.config.max_symbol_bytes} bytes"
        return Assembly(AssemblyState.ERROR, [], detail, None)
    if rejected is not None:
        drop_symbols(session, rejected, services.now())
        session.expunge(rejected)  # SQLite gives its row id to the next row
    identifier, sha256 = secrets.token_hex(12), IN_CHUNKS + wanted.checksum
    key = symbols_key(app.identifier, identifier, "upload")
    row = row_of(services, app, wanted.about, identifier, sha256, sum(sizes), key)
    if insert_or_ignore(session, SymbolFile, {**row, "checksum": wanted.checksum}):
        begins = accumulate(sizes[:-1], initial=0)
        session.add_all(
            SymbolPart(identifier=identifier, begins=at, size=held[one].size, storage_key=held[one].storage_key)
            for at, one in zip(begins, wanted.chunks, strict=True)
        )
    file = find_same(session, app.id, sha256, wanted.about.version, wanted.about.build)
    if file is None:
        raise TransientError
    add_ids(services, session, file, wanted.ids)
    return _assembly_of(file)


def _is_old_error(services: Services, row: SymbolFile) -> bool:
    return row.state == SymbolState.REJECTED and row.received_at < services.now() - REJECTED_FOR


def _assembly_of(row: SymbolFile) -> Assembly:
    return Assembly(_STATES[row.state], [], row.reason, row)
