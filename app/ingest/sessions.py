"""Takes what apps report of their sessions: kept as rows that the next fold counts."""

from collections.abc import Callable

from app.db.base import insert_or_ignore
from app.db.hot.upload import Sender
from app.db.models.session_batch import SessionBatch, SessionUpdate, written
from app.db.models.session_fold import SessionFold
from app.ingest.receive import logs_per_minute
from app.ingest.session_names import SessionNames
from app.services import Services

TIMES = 20
"""An app may send so many times more requests with sessions a minute than logs: every start of the app is one or two."""


def receive_sessions(services: Services, app: Sender, read: Callable[[SessionNames], list[SessionUpdate]]) -> int:
    """Store what `read` makes of a request; committed when this returns.

    Returns 0, or the seconds after which the app may send sessions again: these are dropped. Raises TransientError.
    """
    now = services.now()
    updates = read(SessionNames(services.config.secret_key, app.identifier, now))
    if not updates:
        return 0
    per_minute = logs_per_minute(services.config, app.settings)
    if per_minute and services.rate_limit is not None:
        seconds = services.rate_limit.count(f"{app.id}:sessions", TIMES * per_minute)
        if seconds:
            return seconds
    with services.db.write() as session:
        session.add(SessionBatch(app_id=app.id, arrived_at=now, updates=written(updates)))
        insert_or_ignore(session, SessionFold, {"app_id": app.id, "enqueue_after": now})
    return 0
