"""A job type that only waits, as for a slow disk or network: what it takes says how well workers work side by side."""

import sys
import time
from collections.abc import Mapping

from pydantic import BaseModel

from app.jobs import JOB_TYPES, job_type_of
from app.jobs.job_type import AnyJob, Artefact, Body, Run, Showing, Subject

NAME = "bench_waiting"
WAIT = 0.1  # seconds, of which none is computing

PATH = "/crashes/<crash_identifier>/bench_waiting"
UNIT = "waits"
SUMMARY = "Waits, for the bench"
RESULT = str


class Params(BaseModel, frozen=True):
    """The normalised question."""

    crash_identifier: str
    number: str  # tells one job from another


def read(crash_identifier: str, query: Mapping[str, str]) -> Params:
    """Take what is asked."""
    return Params(crash_identifier=crash_identifier, number=query.get("number", ""))


def expect(_db: object, _crash: object, _params: Params) -> int:
    """One wait."""
    return 1


def current_revision(_about: Subject) -> int:
    """A result stays true."""
    return 0


def compute(params: Params, run: Run) -> Artefact:
    """Wait, and tell for whom."""
    time.sleep(WAIT)
    run.advance(1)
    return run.store("waited.json", [params.number.encode()], "waited.json", "application/json", in_row=True)


def present(job: AnyJob, _showing: Showing) -> Body:
    """What `compute` told."""
    return Body.of((job.result_text or "null").encode())


def register() -> None:
    """Make the kind known to this process; the product itself has no such kind."""
    JOB_TYPES[NAME] = job_type_of(NAME, sys.modules[__name__])
