"""A batch of the occurrences of all crashes of an app: rows or reports in parts, and a manifest."""

from collections.abc import Mapping

from app.db import Database
from app.db.app import App
from app.db.crash import totals
from app.db.job_part import JobPart, JobPlan
from app.jobs.batch.making import PartMaker
from app.jobs.batch.manifest import RESULT_SCHEMA, present, write_manifest
from app.jobs.batch.planning import make_plan, scope_of
from app.jobs.batch.question import BODY_SCHEMA, AppBatch, Filters, read_filters
from app.jobs.kind import AnyJob, MadePart, Plan, Run, Subject

__all__ = ["BODY_SCHEMA", "RESULT_SCHEMA", "present"]

PATH = "/apps/<app_identifier>/exports"
METHOD = "POST"
ABOUT = "app"
UNIT = "occurrences"
SUMMARY = "Occurrences of a whole app as files: rows or reports, in parts"

Params = AppBatch


def read(app_identifier: str, query: Mapping[str, str]) -> Filters:
    """Check format and filters. Raises BadParameters."""
    return read_filters(AppBatch, app_identifier, query)


def expect(db: Database, about: Subject, params: AppBatch) -> int:  # noqa: ARG001
    """As many as there are; filters leave out what has been looked at."""
    return about.occurrences_count


def is_fresh(job: AnyJob, about: Subject) -> bool:
    """True while nothing has changed since the batch was planned."""
    return job.data_revision == about.revision + about.reports_revision


def compute(params: AppBatch, run: Run) -> Plan:
    """Freeze what belongs to the batch and cut it into parts."""
    with run.db.read() as session:
        reports_revision = session.get_one(App, run.app_id).reports_revision
        run.shows(totals(session, run.app_id)[0] + reports_revision)  # neither ever shrinks, so their sum tells of both
    return make_plan(params, run, None, reports_revision)


def make_part(params: AppBatch, plan: JobPlan, part: JobPart, run: Run, name: str) -> MadePart:
    """Write one part."""
    scope = scope_of(params, run.app_id, None, plan.last_row)
    return PartMaker(params, scope, plan, part, run).make(params.app_identifier, name)


def sum_up(params: AppBatch, plan: JobPlan, parts: list[JobPart]) -> tuple[bytes, str, str]:
    """The manifest."""
    return write_manifest(params, plan, parts, params.app_identifier)
