"""Takes an uploaded log: checks it, stores its bytes, records it, and enqueues its digest. Cheap: nothing is parsed."""

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress

import structlog

from app.config import Config
from app.db.errors import is_without_effect
from app.db.hot.upload import KnownLog, Sender, find_known, insert_log
from app.db.models.app import App
from app.db.models.erasure import is_any_live
from app.db.models.log import Log, LogStatus, find_log
from app.db.work import ENQUEUE_AGAIN_AFTER
from app.errors import BadParameters, Conflict, Gone, NotFound, TooLarge, TooManyRequests, TransientError
from app.ingest.log_id import is_log_id, new_log_id
from app.queueing.broker import DIGEST_LOG, INGEST
from app.services import Services
from app.storage import ObjectNotFound
from app.storage_keys import log_key
from app.telemetry.log_lines import current_request_id

NAMES_TO_TRY = 5  # a random name that is taken already is a matter of one in 10^14
LOGS_PER_MINUTE = "logs_per_minute"  # in an app's settings; null: any number

log = structlog.get_logger()


def receive(services: Services, app: App | Sender, log_id: str | None, content: bytes) -> str:
    """Store a log for digestion and return its log_id, made by the server when None is given.

    The bytes are durable before the row is, and the row before this returns. The same log again changes
    nothing, unless its stored file is damaged: then that is written anew.
    Raises BadParameters, TooLarge, TooManyRequests, or Conflict when the name stands for other bytes.
    """
    if log_id is not None and not is_log_id(log_id):
        raise BadParameters(
            "log_id has to be 1 to 128 characters out of A-Z a-z 0-9 . _ - and begin with a letter or digit"
        )
    if not content:
        raise BadParameters("The body is empty: send one crash log as the body")
    if len(content) > services.config.max_log_bytes:
        raise TooLarge(f"The log is larger than {services.config.max_log_bytes} bytes")
    if isinstance(app, Sender):
        admit(services, app)
    if log_id is not None:
        _keep(services, app, log_id, content)
        return log_id
    for _ in range(NAMES_TO_TRY):
        made = new_log_id(services.now())
        with suppress(Conflict):
            if _keep(services, app, made, content):
                return made
    raise TransientError("No free log id was found, try again")


def receive_first(services: Services, app: Sender, log_id: str, content: bytes) -> None:
    """The same for senders that send again what is not quite the same: the first log under a name stays, without an error.

    Whether there is one was not looked up with the key, which is checked before the log's name is known: the insertion tells.
    """
    with suppress(Conflict):
        receive(services, app, log_id, content)


def receive_each(services: Services, app: Sender, logs: Iterable[tuple[str | None, bytes]]) -> list[str]:
    """Store the logs, (log_id or None, bytes), that came in one request, each as `receive_first` does; returns their names.

    What is stored already does not count against the app's limit: a request that was refused halfway gets through in the end.
    """
    names = []
    for log_id, content in logs:
        known = find_known(services.db, app.id, log_id) if log_id else None
        if log_id is None:
            names.append(receive(services, app, None, content))
            continue
        with suppress(Conflict):
            if known is None:
                receive(services, app, log_id, content)
            else:
                _keep(services, app._replace(known=known), log_id, content)
        names.append(log_id)
    return names


def _keep(services: Services, app: App | Sender, log_id: str, content: bytes) -> bool:
    """Store and record the log; False when the name is taken by the same bytes. Raises Conflict when by others."""
    sha256 = hashlib.sha256(content).hexdigest()
    found = app.known if isinstance(app, Sender) else find_known(services.db, app.id, log_id)
    if found and found.log_id == log_id:
        _require_same(found, sha256)
        restore(services, app, found, content)
        return False
    now = services.now()
    key = log_key(app.identifier, now.date(), log_id, sha256)
    # No two uploads write the same object, so the bytes can be there before anything is begun in the database. What this
    # leaves behind when it dies in between, or does not learn whether the row was committed, is swept later.
    services.storage.put_bytes(key, content)
    try:
        row_id = insert_log(
            services.db,
            app_id=app.id,
            log_id=log_id,
            sha256=sha256,
            size=len(content),
            storage_key=key,
            request_id=current_request_id(),
            received_at=now,
            enqueue_after=now + ENQUEUE_AGAIN_AFTER,
        )
    except Exception as error:
        if is_without_effect(error):
            _drop(services, key)
        raise
    if row_id is None:  # another upload of this name was faster
        _drop(services, key)
        found = find_known(services.db, app.id, log_id)
        if found is None:
            raise TransientError
        _require_same(found, sha256)
        return False
    log.info("log_received", log=row_id, app=app.identifier, bytes=len(content))
    services.broker.enqueue_debounced(DIGEST_LOG, str(row_id), INGEST)
    return True


def _drop(services: Services, key: str) -> None:
    with suppress(TransientError):  # it is swept later
        services.storage.delete(key)


def _require_same(found: KnownLog, sha256: str) -> None:
    if found.sha256 != sha256:
        raise Conflict(f"Another log with log_id {found.log_id} is stored already; it stays as it is")


def admit(services: Services, sender: Sender) -> None:
    """Count a log that comes from outside. Raises TooManyRequests when it is one too many."""
    per_minute = logs_per_minute(services.config, sender.settings)
    if not per_minute or services.rate_limit is None:
        return
    seconds = services.rate_limit.count(str(sender.id), per_minute)
    if seconds:
        raise TooManyRequests(
            f"The app sends more than {per_minute} logs a minute, try again in {seconds} s", retry_after=seconds
        )


def logs_per_minute(config: Config, settings: str | None) -> int | None:
    """The limit of an app with these settings (JSON), None or 0 without one."""
    own = json.loads(settings) if settings else {}
    found: int | None = own.get(LOGS_PER_MINUTE, config.logs_per_minute)
    return found


def restore(services: Services, app: App | Sender, known: KnownLog, content: bytes) -> None:
    """Store `content`, the bytes of a known log, unless the stored object is the same; a rejected log is digested again.

    A log whose bytes were removed on purpose stays without them. Raises TransientError when the bytes cannot be written.
    """
    try:
        is_whole = _is_stored(services, known, content)
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


def _is_stored(services: Services, known: KnownLog, content: bytes) -> bool:
    try:
        return services.storage.get(known.storage_key, len(content)) == content
    except ObjectNotFound:
        return False


def _kept(services: Services, app: App | Sender, known: KnownLog) -> Log | None:
    """The log's row, if its bytes are to be there."""
    with services.db.read() as session:
        row = find_log(session, app.id, known.log_id)
    if row is None or row.removed_at is not None or row.storage_key != known.storage_key:
        return None
    return row


def digest_again(services: Services, app: App | Sender, log_id: str) -> None:
    """Let a rejected log wait for its digestion anew; one that waits already is left as it is.

    Raises NotFound, Gone when its bytes are no longer kept, or Conflict when it is digested or an erasure is under way.
    """
    now = services.now()
    with services.db.write() as session:
        found = find_log(session, app.id, log_id, lock=True) if is_log_id(log_id) else None
        if found is None:
            raise NotFound("Log not found")
        if found.status == LogStatus.RECEIVED:
            return
        if found.status == LogStatus.DIGESTED:
            raise Conflict("The log is digested; `crashq regroup` counts its occurrences by newer rules")
        if found.removed_at is not None:
            raise Gone("The bytes of this log are no longer kept")
        if is_any_live(session, app.id):  # it looks at what waits first, and must find it there
            raise Conflict("A user is being erased; try again when that is done")
        found.status, found.error_message, found.digested_at = LogStatus.RECEIVED, None, None
        found.failures, found.enqueued, found.not_before, found.lease_expires_at = 0, 0, None, None
        found.enqueue_after = now + ENQUEUE_AGAIN_AFTER
        session.flush()
    log.info("log_digested_again", log=found.id, app=app.identifier)
    services.broker.enqueue_debounced(DIGEST_LOG, str(found.id), INGEST)
