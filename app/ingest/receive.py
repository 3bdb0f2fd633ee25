"""Takes an uploaded log: checks it, stores its bytes, records it, and rings for its digestion. Cheap: nothing is parsed."""

import gzip
import hashlib
import io
import zlib
from typing import IO

import structlog

from app.broker import DIGEST_LOG, INGEST
from app.db import insert_or_ignore
from app.db.app import App
from app.db.log import RING_AGAIN_AFTER, Log, LogStatus, find_log
from app.errors import BadParameters, Conflict, TooLarge, TransientError, UnsupportedMedia
from app.ingest.log_id import is_log_id, new_log_id
from app.observe import current_request_id
from app.services import Services
from app.storage import log_key

READ_SIZE = 64 * 1024  # bytes
NAMES_TO_TRY = 5  # a random name that is taken already is a matter of one in 10^14

log = structlog.get_logger()


def read_body(stream: IO[bytes], content_encoding: str, max_bytes: int) -> bytes:
    """Return the unpacked body. Raises TooLarge, UnsupportedMedia or BadParameters; never holds more than max_bytes."""
    encoding = content_encoding.strip().lower()
    if encoding in ("", "identity"):
        return _read_at_most(stream, max_bytes)
    if encoding not in ("gzip", "x-gzip"):
        raise UnsupportedMedia("Content-Encoding has to be gzip or left out")
    packed = _CountingReader(stream, max_bytes)
    try:
        with gzip.GzipFile(fileobj=packed, mode="rb") as unpacked:
            return _read_at_most(unpacked, max_bytes)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise BadParameters("The body is not whole gzip data") from None


def receive(services: Services, app: App, log_id: str | None, content: bytes) -> str:
    """Store a log for digestion and return its log_id, made by the server when None is given.

    The bytes are durable before the row is, and the row before this returns. The same log again changes nothing.
    Raises BadParameters, TooLarge, or Conflict when the name stands for other bytes.
    """
    if log_id is not None and not is_log_id(log_id):
        raise BadParameters(
            "log_id has to be 1 to 128 characters out of A-Z a-z 0-9 . _ - and begin with a letter or digit"
        )
    if not content:
        raise BadParameters("The body is empty: send one crash log as the body")
    if len(content) > services.config.max_log_bytes:
        raise TooLarge(f"The log is larger than {services.config.max_log_bytes} bytes")
    if log_id is not None:
        _keep(services, app, log_id, content)
        return log_id
    for _ in range(NAMES_TO_TRY):
        made = new_log_id(services.now())
        if _keep(services, app, made, content, must_be_new=True):
            return made
    raise TransientError("No free log id was found, try again")


def _keep(services: Services, app: App, log_id: str, content: bytes, *, must_be_new: bool = False) -> bool:
    """Store and record the log; False when `must_be_new` and the name is taken. Raises Conflict."""
    now = services.now()
    sha256 = hashlib.sha256(content).hexdigest()
    key = log_key(app.identifier, now.date(), log_id)
    values = {
        "app_id": app.id,
        "log_id": log_id,
        "sha256": sha256,
        "size": len(content),
        "storage_key": key,
        "request_id": current_request_id(),
        "received_at": now,
        "status": LogStatus.RECEIVED,
        "attempt": 0,
        "strikes": 0,
        "ring_after": now + RING_AGAIN_AFTER,
        "rings": 0,
    }
    # The row is inserted first and committed last: its unique key makes a second upload of the same name wait here, so no
    # two uploads ever write the same object, and no committed row lacks its bytes.
    with services.db.write() as session:
        is_new = insert_or_ignore(session, Log, values)
        stored = find_log(session, app.id, log_id)
        if stored is None:
            raise TransientError
        if is_new:
            services.storage.put_bytes(key, content)
    if is_new:
        log.info("log_received", log=stored.id, app=app.identifier, bytes=len(content))
        services.broker.ring(DIGEST_LOG, str(stored.id), INGEST)
    elif must_be_new:
        return False
    elif stored.sha256 != sha256:
        raise Conflict(f"Another log with log_id {log_id} is stored already; it stays as it is")
    return True


def _read_at_most(stream: IO[bytes] | gzip.GzipFile, limit: int) -> bytes:
    content = bytearray()
    while chunk := stream.read(min(READ_SIZE, limit + 1 - len(content))):
        content += chunk
        if len(content) > limit:
            raise TooLarge(f"The log is larger than {limit} bytes")
    return bytes(content)


class _CountingReader(io.RawIOBase):
    """A stream that refuses to give more than `limit` bytes."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        super().__init__()
        self._stream = stream
        self._left = limit

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        chunk = self._stream.read(size if size >= 0 else READ_SIZE)
        self._left -= len(chunk)
        if self._left < 0:
            raise TooLarge("The packed log is larger than the server takes")
        return chunk
