"""A job type whose every step a test decides, to be put into app.jobs.JOB_TYPES."""

# ruff: noqa: ARG002  a job type takes more than a fake one needs

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from app.db.models.job import Job
from app.jobs import job_type_of
from app.jobs.job_type import Artefact, Body, JobType, Run
from app.services import Services
from app.storage_keys import job_folder

NAME = "tests_own"


class Params(BaseModel, frozen=True):
    """The normalised question."""

    crash_identifier: str
    about: str = ""


def write(run: Run, content: bytes = b"[1]") -> Artefact:
    """Store a whole result."""
    return run.store("result.json", iter([content]), "result.json", "application/json")


def row(services: Services, job: Job) -> Job:
    """The job as it stands."""
    with services.db.read() as session:
        return session.get_one(Job, job.id)


def files(services: Services, job: Job) -> list[str]:
    """Keys of the job's stored objects."""
    return sorted(stat.key for stat in services.storage.list(job_folder(job.id)))


def as_job_type(fake: "FakeJobType") -> JobType:
    """What goes into app.jobs.JOB_TYPES."""
    return job_type_of(NAME, fake)


@dataclass
class FakeJobType:
    """Computes by calling `act` with its run; declares what a module in app/jobs/types does."""

    act: Callable[[Run], Artefact] = write
    attempts: list[Run] = field(default_factory=list)
    total: int = 3
    PATH: str = "/crashes/<crash_identifier>/tests_own"
    UNIT: str = "steps"
    SUMMARY: str = "A job type for tests"
    RESULT: Any = Any
    Params: type[BaseModel] = Params

    def read(self, crash_identifier: str, query: Mapping[str, str]) -> BaseModel:
        """Take whatever is asked."""
        return self.Params(crash_identifier=crash_identifier, about=query.get("about", ""))

    def expect(self, session: object, crash: Any, params: Any) -> int:
        """As many steps as the test says."""
        return self.total

    def current_revision(self, about: Any) -> int:
        """A result stays true."""
        return 0

    def compute(self, params: Any, run: Run) -> Artefact:
        """Do what the test says."""
        self.attempts.append(run)
        return self.act(run)

    def present(self, job: Any, showing: Any) -> Body:
        """The stored result."""
        return Body.of(json.dumps(job.result_text).encode())
