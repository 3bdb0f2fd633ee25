"""A kind of job whose every step a test decides, to be put into app.jobs.KINDS."""

# ruff: noqa: ARG002  a kind takes more than a fake one needs

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from app.db.job import Job
from app.jobs.kind import Artefact, Body, Run
from app.services import Services
from app.storage import job_folder

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


@dataclass
class FakeKind:
    """Computes by calling `act` with its run; offers all that a module in app/jobs/kinds does."""

    act: Callable[[Run], Artefact] = write
    attempts: list[Run] = field(default_factory=list)
    PATH: str = "/crashes/<crash_identifier>/tests_own"
    METHOD: str = "GET"
    ABOUT: str = "crash"
    UNIT: str = "steps"
    COUNTS_OCCURRENCES: bool = True
    SHORT_LIST: None = None
    SUMMARY: str = "A kind for tests"
    PARAMETERS: list[dict[str, Any]] = field(default_factory=list)
    RESULT_SCHEMA: dict[str, Any] = field(default_factory=dict)
    Params: type[BaseModel] = Params

    def read(self, crash_identifier: str, query: Mapping[str, str]) -> Params:
        """Take whatever is asked."""
        return Params(crash_identifier=crash_identifier, about=query.get("about", ""))

    def expect(self, session: object, crash: Any, params: Any) -> int:
        """Three steps."""
        return 3

    def is_fresh(self, job: Any, about: Any) -> bool:
        """A result stays true."""
        return True

    def compute(self, params: Any, run: Run) -> Artefact:
        """Do what the test says."""
        self.attempts.append(run)
        return self.act(run)

    def present(self, job: Any, showing: Any) -> Body:
        """The stored result."""
        return Body.of(json.dumps(job.result_text).encode())
