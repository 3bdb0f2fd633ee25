"""One attempt at a part of a job: as one at a whole job, but for the row that it holds."""

from collections.abc import Callable
from typing import Any

from app.db.job import Job
from app.db.job_part import JobPart, PartState, move_part, show_progress
from app.errors import AppError
from app.jobs.attempt import Attempt
from app.services import Services
from app.storage import artefact_key


def object_name(part: JobPart) -> str:
    """The name of what this attempt stores: no two attempts ever write the same object."""
    return f"part-{part.number:05d}-{part.attempt}"


def object_key(job: Job, part: JobPart) -> str:
    """Where it lies."""
    return artefact_key(job.id, job.attempt, object_name(part))


class PartAttempt(Attempt):
    """Renews the lease of its part, and ends when the part or the job is no longer its to make."""

    def __init__(self, job: Job, part: JobPart, services: Services, overtime: Callable[[AppError], object]) -> None:
        super().__init__(job, services, overtime)
        self._part = part
        self._total = part.units

    def _move(self, **values: Any) -> bool:
        with self.db.write() as session:
            own = {"lease_expires_at": values["lease_expires_at"], "done": min(self._done, self._part.units)}
            if not move_part(session, self._part, PartState.RUNNING, **own):
                return False
            show_progress(session, self._part.job_id)
            return True
