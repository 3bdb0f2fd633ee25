"""Takes what apps report of their sessions: kept as rows that the next fold counts, with names that tell nobody."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.crashes.facts import as_fact
from app.db.base import insert_or_ignore
from app.db.hot.upload import Sender
from app.db.models.crash_figure import KNOWN
from app.db.models.session_batch import SessionBatch, SessionUpdate, written
from app.db.models.session_fold import SessionFold
from app.ingest.receive import logs_per_minute
from app.services import Services

TIMES = 20
"""An app may send so many times more requests with sessions a minute than logs: every start of the app is one or two."""
LATE, EARLY = timedelta(days=7), timedelta(hours=1)
"""A session that started longer ago by its clock, or will start later than this, counts on the day of its arrival."""
MAX_ID = 512  # characters of an id that count
_PURPOSE = b"users and sessions of an app"


class SessionNames:
    """Names for what one app sends at one time. Without SECRET_KEY nobody can tell whose hash one is."""

    def __init__(self, secret_key: str, app_identifier: str, now: datetime) -> None:
        derived = HKDF(SHA256(), 32, salt=app_identifier.encode(), info=_PURPOSE)
        self._key = derived.derive(secret_key.encode())
        self._now = now

    def sid(self, sid: str) -> str:
        """32 hex digits for the id of a session, however it is written."""
        return self._hash(sid.replace("-", "").lower(), 16, b"session").hex()

    def user(self, user: str | None) -> int | None:
        """64 bits for the id of a user; None for nobody."""
        return int.from_bytes(self._hash(user, 8, b"user")) if user else None

    def day(self, started: datetime | None) -> str:
        """The UTC day on which a session started, in ISO form."""
        is_credible = started is not None and self._now - LATE <= started <= self._now + EARLY
        return (started if started and is_credible else self._now).astimezone(UTC).date().isoformat()

    def _hash(self, text: str, size: int, kind: bytes) -> bytes:
        told = text[:MAX_ID].encode("utf-8", "replace")
        return hashlib.blake2b(told, digest_size=size, key=self._key, person=kind).digest()


def known_fact(value: str | None) -> str:
    """A version or environment as figures hold it."""
    fact = as_fact(value)
    return KNOWN + fact if fact else ""


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
