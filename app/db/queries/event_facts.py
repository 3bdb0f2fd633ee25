"""What an event tells of its crash, beside the identifier."""

from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.models.crash import find_crash
from app.db.models.crash_history import CrashHistory
from app.db.models.occurrence import Occurrence


class EventFacts(NamedTuple):
    """Title and version, as the log has them; None is not known."""

    title: str | None
    version: str | None


def facts_of_event(session: Session, app_id: int, identifier: str, entry: int | None) -> EventFacts:
    """The crash's title by now, and the version in which it came back (`entry` of its history), else of its first occurrence."""
    crash = find_crash(session, identifier)
    if crash is None or crash.app_id != app_id:
        return EventFacts(None, None)
    if entry is not None:
        return EventFacts(crash.title, session.scalar(select(CrashHistory.version).where(CrashHistory.id == entry)))
    first = select(Occurrence.app_version).where(Occurrence.crash_id == crash.id)
    return EventFacts(crash.title, session.scalar(first.order_by(Occurrence.occurred_at, Occurrence.id).limit(1)))
