"""Digests a rejected log again: after an update that reads more, or a fault that has been mended."""

import structlog

from app.db.hot.upload import Sender
from app.db.models.app import App
from app.db.models.erasure import is_any_live
from app.db.models.log import LogStatus, find_log
from app.db.work import ENQUEUE_AGAIN_AFTER
from app.errors import Conflict, Gone, NotFound
from app.ingest.log_id import is_log_id
from app.queueing.broker import DIGEST_LOG, INGEST
from app.services import Services

log = structlog.get_logger()


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
