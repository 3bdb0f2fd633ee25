"""A batch of the occurrences of a crash: rows or reports in parts, and a manifest."""

from collections.abc import Mapping

from app.db import Database
from app.db.app import App
from app.db.crash import Crash
from app.db.job_part import JobPart, JobPlan
from app.jobs.batch.making import PartMaker
from app.jobs.batch.manifest import RESULT_SCHEMA, present, write_manifest
from app.jobs.batch.planning import make_plan, scope_of
from app.jobs.batch.question import BODY_SCHEMA, CrashBatch, Filters, read_filters
from app.jobs.kind import AnyJob, MadePart, Plan, Run, Subject

__all__ = ["BODY_SCHEMA", "RESULT_SCHEMA", "present"]

PATH = "/crashes/<crash_identifier>/exports"
METHOD = "POST"
ABOUT = "crash"
UNIT = "occurrences"
SUMMARY = "Occurrences of a crash as files: rows or reports, in parts"

Params = CrashBatch


def read(crash_identifier: str, query: Mapping[str, str]) -> Filters:
    """Check format and filters. Raises BadParameters."""
    return read_filters(CrashBatch, crash_identifier, query)


def expect(db: Database, about: Subject, params: CrashBatch) -> int:  # noqa: ARG001
    """As many as there are; filters leave out what has been looked at."""
    return about.occurrences_count


def is_fresh(job: AnyJob, about: Subject) -> bool:
    """True while nothing has changed since the batch was planned."""
    return job.data_revision == about.revision + about.reports_revision


def compute(params: CrashBatch, run: Run) -> Plan:
    """Freeze what belongs to the batch and cut it into parts."""
    with run.db.read() as session:
        reports_revision = session.get_one(App, run.app_id).reports_revision
        run.shows(
            session.get_one(Crash, run.crash_id).revision + reports_revision
        )  # neither ever shrinks, so their sum tells of both
    return make_plan(params, run, run.crash_id, reports_revision)


def make_part(params: CrashBatch, plan: JobPlan, part: JobPart, run: Run, name: str) -> MadePart:
    """Write one part."""
    scope = scope_of(params, run.app_id, run.crash_id, plan.last_row)
    return PartMaker(params, scope, plan, part, run).make(params.crash_identifier, name)


def sum_up(params: CrashBatch, plan: JobPlan, parts: list[JobPart]) -> tuple[bytes, str, str]:
    """The manifest."""
    return write_manifest(params, plan, parts, params.crash_identifier)
