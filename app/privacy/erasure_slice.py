"""One slice of the work on an erasure: what a step works with."""

from dataclasses import dataclass
from typing import Any

from app.db import Session
from app.db.models.erasure import Erasure, note_crashes
from app.db.queries.erasing import doubt_runs
from app.db.queries.removal import Removed, remove_logs
from app.privacy.sought import Sought
from app.services import Services
from app.work.lease import Attempt

MAX_LENGTH = 512  # characters of a user id
SCANNED_FROM = 6  # characters; a shorter id stands by chance in the logs of others


@dataclass
class ErasureSlice:
    """An attempt at an erasure. A step writes only in transactions that the attempt guards."""

    attempt: Attempt[Erasure]
    sought: Sought

    @property
    def services(self) -> Services:
        """The outside world."""
        return self.attempt.services

    @property
    def erasure(self) -> Erasure:
        """The row of the erasure."""
        return self.attempt.row

    @property
    def app_id(self) -> int:
        """The app whose user it is."""
        return self.erasure.app_id

    def note(self, session: Session, place: str, **values: Any) -> None:
        """Record how far the step has come, before anything else in the transaction. Raises AttemptLost."""
        self.attempt.progress(session, place=place, **values)
        self.erasure.place = place

    def remove(self, session: Session, log_rows: list[int]) -> None:
        """Delete logs with all that was found in them."""
        doubt_runs(session, self.app_id, log_rows)
        removed: Removed = remove_logs(session, log_rows, self.services.now(), self.erasure.id)
        note_crashes(session, self.erasure.id, removed.crash_ids)
        self.erasure.logs += removed.logs
        self.erasure.occurrences += removed.occurrences
        self.attempt.write(session, logs=self.erasure.logs, occurrences=self.erasure.occurrences)
