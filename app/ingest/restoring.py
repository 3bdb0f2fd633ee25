"""Stores the bytes of a known log again, where the store has lost some of them."""

from contextlib import suppress

import structlog

from app.db.hot.upload import KnownLog, Sender
from app.db.models.app import App
from app.db.models.log import Log, LogStatus, find_log
from app.errors import Conflict, TransientError
from app.ingest.again import digest_again
from app.services import Services
from app.storage import ObjectNotFound

log = structlog.get_logger()


def restore(services: Services, app: App | Sender, known: KnownLog, content: bytes) -> None:
    """Store `content`, the bytes of a known log, unless the stored object has their size; a rejected log is digested again.

    A log whose bytes were removed on purpose stays without them. Raises TransientError when the bytes cannot be written.
    """
    try:
        is_whole = _stored_size(services, known) == len(content)
    except TransientError:  # a store that is away has lost nothing
        return
    if is_whole or _kept(services, app, known) is None:
        return
    services.storage.put_bytes(known.storage_key, content)
    # Whatever removes a log commits that before it deletes the object: what was removed meanwhile is deleted here, and
    # what is removed from now on is deleted there.
    row = _kept(services, app, known)
    if row is None:
        services.storage.delete(known.storage_key)
        return
    log.info("log_restored", log=row.id, app=app.identifier, bytes=len(content))
    if row.status == LogStatus.REJECTED:
        with suppress(Conflict):  # a user is being erased: it stays rejected, and can be digested again by its URL
            digest_again(services, app, known.log_id)


def _stored_size(services: Services, known: KnownLog) -> int | None:
    try:
        return services.storage.stat(known.storage_key).size
    except ObjectNotFound:
        return None


def _kept(services: Services, app: App | Sender, known: KnownLog) -> Log | None:
    """The log's row, if its bytes are to be there."""
    with services.db.read() as session:
        row = find_log(session, app.id, known.log_id)
    if row is None or row.removed_at is not None or row.storage_key != known.storage_key:
        return None
    return row
