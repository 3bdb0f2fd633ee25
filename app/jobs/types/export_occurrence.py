"""The report of one occurrence, written to the storage as a file to download."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date
from typing import Annotated, Literal

from pydantic import BaseModel, Field, WithJsonSchema

from app import iso_time
from app.db import Database, Session
from app.db.models.app import App
from app.db.models.crash import Crash
from app.db.models.log import Log
from app.db.models.occurrence import Occurrence, find_occurrence, read_occurrence_name
from app.errors import BadParameters, Gone, NotFound
from app.jobs.job_type import AnyJob, Artefact, Body, Run, Showing, StoredFile, Subject
from app.jobs.report_making import make_report, rules_of
from app.json_models import OneOf, Query, read_params
from app.parsers import nth
from app.reports import REPORTS
from app.symbolication.opened import OpenedSymbols

PATH = "/crashes/<crash_identifier>/export_occurrences"
UNIT = "reports"
FOR_PEOPLE = True
SUMMARY = "Report of one occurrence of a crash"

_DATE = WithJsonSchema({"type": "string", "format": "date"})


class ExportQuery(Query):
    """Which occurrence, and what kind of report."""

    id: str = Field(description="The occurrence")
    log_id: str = Field(description="The log it came in")
    date: Annotated[str, _DATE, Field(description="Its UTC day")]
    start_day: Annotated[str, _DATE, Field(description="Another name for date")] = ""
    format: Annotated[
        str,
        OneOf(sorted(REPORTS), "json"),
        Field(description="json, txt, html, or zip (the three and, unless the app redacts, the raw log)"),
    ] = "json"


class ReportFile(StoredFile):
    """The report, to be downloaded."""

    size: int = Field(description="bytes")
    sha256: str = Field(description="hex")


QUERY, RESULT = ExportQuery, Annotated[ReportFile | None, Field(description="null while loading")]


class LogRemoved(Gone):
    """By the age up to which the app keeps logs; the occurrence is still known."""

    code, message = "log_removed", "The log of this occurrence is no longer kept: it was older than the app keeps logs"


class ExportParams(BaseModel, frozen=True):
    """The normalised request."""

    crash_identifier: str
    id: str
    log_id: str
    date: date
    format: Literal["json", "txt", "html", "zip"]


Params = ExportParams


def read(crash_identifier: str, query: Mapping[str, str]) -> ExportParams:
    """Check the parameters. Raises BadParameters naming the first that is missing or senseless."""
    day = query.get("date") or query.get("start_day")
    if not query.get("id") or not query.get("log_id") or not day:
        raise BadParameters("id, log id or start_day not provided")
    if query.get("format", "json") not in REPORTS:
        raise BadParameters(f"format is not one of {', '.join(sorted(REPORTS))}")
    wanted_day = iso_time.day("date", day)
    return read_params(
        ExportParams,
        {
            "crash_identifier": crash_identifier,
            "id": query["id"],
            "log_id": query["log_id"],
            "date": wanted_day,
            "format": query.get("format", "json"),
        },
    )


def expect(db: Database, crash: Subject, params: ExportParams) -> int:
    """One report. Raises NotFound unless there is such an occurrence."""
    assert crash.id is not None
    with db.read() as session:
        _find(session, crash.id, params)
    return 1


def current_revision(about: Subject) -> int:
    """Grows when the app makes its reports anew: newer occurrences do not change the one log that a report tells of."""
    return about.reports_revision


def compute(params: ExportParams, run: Run) -> Artefact:
    """Read the stored log again and write the report of its n-th crash."""
    with run.db.read() as session:
        crash = session.get_one(Crash, run.crash_id)
        found = _find(session, crash.id, params)
        app = session.get_one(App, crash.app_id)
        stored = session.get_one(Log, found.log_row)
        rules, reports_revision = rules_of(session, app.id)
    run.shows(reports_revision)
    if stored.removed_at is not None:
        raise LogRemoved
    raw = run.storage.get(stored.storage_key, stored.size)
    parsed = nth(raw, found.number)
    named = OpenedSymbols(run.db, run.storage, app.id, run.now).resolve(parsed)
    report = make_report(app, crash.identifier, crash.title, found, raw, named, rules)
    writer = REPORTS[params.format]
    filename = f"{found.name}.{writer.EXTENSION}"
    artefact = run.store(f"report.{writer.EXTENSION}", _checked(writer.write(report), run), filename, writer.MEDIA_TYPE)
    run.advance(1)
    return artefact


def present(job: AnyJob, showing: Showing) -> Body:
    """Where to download the report; null while it is being made."""
    if job.is_live:
        return Body.of(b"null")
    return Body.of(json.dumps(showing.file(job), separators=(",", ":"), ensure_ascii=False).encode())


def _find(session: Session, crash_id: int, params: ExportParams) -> Occurrence:
    named = read_occurrence_name(params.id)
    if named and named[0] == params.log_id:
        found = find_occurrence(session, crash_id, *named)
        if found and found.occurred_at.astimezone(UTC).date() == params.date:
            return found
    raise NotFound("Occurrence not found")


def _checked(chunks: Iterator[bytes], run: Run) -> Iterator[bytes]:
    for chunk in chunks:
        run.advance(0)
        yield chunk
