"""One turn at an erasure: what a step works with."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.db.erasure import Erasure, move_erasure, note_crashes
from app.db.exported import doubt_runs
from app.db.removal import Removed, remove_logs
from app.privacy.sought import Sought
from app.services import Services


def lease_of(services: Services) -> timedelta:
    """How long a turn is its worker's after each bit of work."""
    return timedelta(seconds=services.config.job_lease)


class TurnLost(Exception):
    """The turn took so long that another worker has begun the next one."""


@dataclass
class Turn:
    """A claimed erasure. Whatever a step writes, it writes in transactions that the claim guards."""

    services: Services
    erasure: Erasure
    sought: Sought

    @property
    def app_id(self) -> int:
        """The app whose user it is."""
        return self.erasure.app_id

    def note(self, session: Session, place: str, **values: Any) -> None:
        """Record how far the step has come, before anything else in the transaction. Raises TurnLost."""
        lease = self.services.now() + lease_of(self.services)
        if not move_erasure(session, self.erasure, place=place, strikes=0, lease_expires_at=lease, **values):
            raise TurnLost
        self.erasure.place = place

    def remove(self, session: Session, log_rows: list[int]) -> None:
        """Delete logs with all that was found in them."""
        doubt_runs(session, self.app_id, log_rows)
        removed: Removed = remove_logs(session, log_rows, self.services.now(), self.erasure.id)
        note_crashes(session, self.erasure.id, removed.crash_ids)
        self.erasure.logs += removed.logs
        self.erasure.occurrences += removed.occurrences
        move_erasure(session, self.erasure, logs=self.erasure.logs, occurrences=self.erasure.occurrences)
