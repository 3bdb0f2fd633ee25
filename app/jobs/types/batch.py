"""Batches of the occurrences of a crash or of a whole app: rows or reports in parts, and a manifest."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import Any

from pydantic import BaseModel

from app.db import Session
from app.db.models.app import App
from app.db.models.crash import Crash, find_crash, totals
from app.db.models.job_part import JobPart, JobPlan
from app.db.models.membership import Role
from app.db.queries.batch_rows import read_place
from app.jobs.batch_making import PartMaker
from app.jobs.batch_manifest import RESULT, present, write_manifest
from app.jobs.batch_params import AppBatch, BatchRequest, CrashBatch, Filters, make_plan, read_filters, scope_of
from app.jobs.job_type import MadePart, Plan, Run, Subject


class _Batch(ABC):
    """What both job types declare."""

    METHOD = "POST"
    ROLE = Role.MEMBER
    UNIT = "occurrences"
    FOR_PEOPLE = True
    BODY = BatchRequest
    RESULT = RESULT
    Params: type[CrashBatch] | type[AppBatch]
    present = staticmethod(present)

    def read(self, identifier: str, query: Mapping[str, str]) -> BaseModel:
        """Check format and filters. Raises BadParameters."""
        return read_filters(self.Params, identifier, query)

    def current_revision(self, about: Subject) -> int:
        """Grows with every change of what a batch tells: neither summand ever shrinks."""
        return about.revision + about.reports_revision

    def compute(self, params: Filters, run: Run) -> Plan:
        """Freeze what belongs to the batch and cut it into parts."""
        with run.db.read() as session:
            reports_revision = session.get_one(App, run.app_id).reports_revision
            revision = self.revision(session, run)
            run.shows(revision + reports_revision)  # neither ever shrinks, so their sum tells of both
        return make_plan(params, run, partial(self.crash_id, params), reports_revision)

    def make_part(self, params: Any, plan: JobPlan, part: JobPart, run: Run, name: str) -> MadePart:
        """Write one part."""
        crash_id = read_place(part.upto).crash_id if isinstance(params, CrashBatch) else None
        scope = scope_of(params, run.app_id, crash_id, plan.last_row)
        return PartMaker(params, scope, plan, part, run).make(self.identifier(params), name)

    def sum_up(self, params: Any, plan: JobPlan, parts: list[JobPart]) -> tuple[bytes, str, str]:
        """The manifest."""
        return write_manifest(params, plan, parts, self.identifier(params))

    @abstractmethod
    def identifier(self, params: Any) -> str:
        """Of the crash or the app, after which the files are named."""

    @abstractmethod
    def crash_id(self, params: Any, session: Session) -> int | None:
        """The crash whose occurrences belong to the batch, as it is now; None: those of all crashes of the app."""

    @abstractmethod
    def revision(self, session: Session, run: Run) -> int:
        """Of what the batch is about, as it is now."""


class _OfCrash(_Batch):
    PATH = "/crashes/<crash_identifier>/exports"
    SUMMARY = "Occurrences of a crash as files: rows or reports, in parts"
    Params = CrashBatch

    def identifier(self, params: CrashBatch) -> str:
        return params.crash_identifier

    def crash_id(self, params: CrashBatch, session: Session) -> int:
        crash = find_crash(session, params.crash_identifier)  # not that of the job's row: it may have been merged since
        assert crash is not None, "a job's crash is never deleted before the job"
        return crash.id

    def revision(self, session: Session, run: Run) -> int:
        return session.get_one(Crash, run.crash_id).revision


class _OfApp(_Batch):
    PATH = "/apps/<app_identifier>/exports"
    SUMMARY = "Occurrences of a whole app as files: rows or reports, in parts"
    Params = AppBatch

    def identifier(self, params: AppBatch) -> str:
        return params.app_identifier

    def crash_id(self, params: AppBatch, session: Session) -> None:  # noqa: ARG002
        return None

    def revision(self, session: Session, run: Run) -> int:
        return totals(session, run.app_id)[0]


JOB_TYPES = {"app_batch": _OfApp(), "crash_batch": _OfCrash()}
"""Name of the job type, as in rows and metrics -> what declares it."""
