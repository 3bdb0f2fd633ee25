"""One attempt at a part of a job: as one at a whole job, but for the row that it holds."""

from collections.abc import Mapping
from typing import Any

from app.db import Session
from app.db.models.job import Job
from app.db.models.job_part import JobPart, show_progress
from app.jobs.attempt import JobAttempt
from app.services import Services
from app.storage import artefact_key
from app.work.work_type import WorkType


def object_name(part: JobPart) -> str:
    """The name of what this attempt stores: no two attempts ever write the same object."""
    return f"part-{part.number:05d}-{part.attempt}"


def object_key(job: Job, part: JobPart) -> str:
    """Where it lies."""
    return artefact_key(job.id, job.attempt, object_name(part))


class PartAttempt(JobAttempt[JobPart]):
    """Renews the lease of its part, and ends when the part or the job is no longer its to make."""

    def __init__(self, services: Services, work: WorkType[JobPart], part: JobPart, job: Job) -> None:
        super().__init__(services, work, part, job)
        self._part = part
        self._total = part.units

    def along(self) -> Mapping[str, Any]:
        """The part's own progress."""
        return {"done": min(self._done, self._part.units)}

    def renewed(self, session: Session) -> None:
        """Count the part's progress in its job's row."""
        show_progress(session, self._part.job_id)
