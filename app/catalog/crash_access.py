"""The crash that a user asks about, by its identifier or an alias of it."""

import re

from app.db import Session
from app.db.models.app import is_member
from app.db.models.crash import Crash, find_crash
from app.jobs.outcomes import CrashNotFound, CrashNotVisible

CRASH_IDENTIFIER = re.compile(r"[0-9a-f]{24}")  # of an app as well


def visible_crash(session: Session, user_id: int, identifier: str) -> Crash:
    """Raises CrashNotFound, or CrashNotVisible when it is of an app that the user may not see."""
    crash = find_crash(session, identifier) if CRASH_IDENTIFIER.fullmatch(identifier) else None
    if crash is None:
        raise CrashNotFound
    if not is_member(session, user_id, crash.app_id):
        raise CrashNotVisible
    return crash
