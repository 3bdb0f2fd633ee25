"""Makes one part of a batch, a file of rows or reports, and the manifest that tells of all parts."""

import codecs
import json
from collections.abc import Iterator
from datetime import UTC
from itertools import chain
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, WithJsonSchema

from app import iso_time
from app.crashes.log import CrashLog, Facts, facts
from app.db.models.app import App
from app.db.models.job_part import JobPart, JobPlan
from app.db.models.log import Log
from app.db.queries.batch_rows import BatchCrash, FoundRow, Scope, read_place, rows_between
from app.errors import Conflict, MalformedLog
from app.exports import ROW_FORMATS, Row
from app.jobs.batch_params import REPORTS, UTF_8_BOM, Filters
from app.jobs.job_type import AnyJob, Body, MadePart, Run, Showing, StoredFile
from app.jobs.report_making import make_report, rules_of
from app.json_models import ResponseBody, Time
from app.parsers import parse
from app.redaction.crash_log import redact_facts
from app.reports import json_report
from app.reports.zip_report import zip_stream
from app.storage import ObjectNotFound
from app.symbolication.opened import OpenedSymbols

NOTHING_KNOWN = Facts()
SCHEMA, SCHEMA_VERSION = "crashq-batch", 1
MEDIA_TYPE = "application/json"


class ReportsChanged(Conflict):
    """Parts made before and after would not belong together."""

    code, message = "reports_changed", "The settings for the app's reports changed while the batch was made; ask again"


class ParsedLog(NamedTuple):
    """A stored log and the crash reports in it."""

    row_id: int
    raw: bytes
    parsed: list[CrashLog]


class PartMaker:
    """Reads a part's occurrences; counts them, those that it has written and those that it could not read."""

    def __init__(self, params: Filters, scope: Scope, plan: JobPlan, part: JobPart, run: Run) -> None:
        self.read = 0
        self.rows = 0
        self.unreadable = 0
        self._params, self._scope, self._part, self._run = params, scope, part, run
        with run.db.read() as session:
            self._rules, revision = rules_of(session, scope.app_id)
        if plan.reports_revision not in (None, revision):
            raise ReportsChanged
        self._latest: ParsedLog | None = None  # occurrences of one log mostly stand together

    def make(self, stem: str, name: str) -> MadePart:
        """Store the part by that name; its file is named after the stem and its number."""
        if self._params.format == REPORTS:
            chunks, extension, media_type = zip_stream(self._reports()), "zip", "application/zip"
        else:
            writer = ROW_FORMATS[self._params.format]
            chunks, extension, media_type = writer.write(self._row_pages()), writer.EXTENSION, writer.MEDIA_TYPE
            if self._params.encoding == UTF_8_BOM:
                chunks = chain([codecs.BOM_UTF8], chunks)
        filename = f"{stem}-{self._part.number:05d}.{extension}"
        artefact = self._run.store(name, chunks, filename, media_type)
        return MadePart(artefact, self.read, self.rows, self.unreadable)

    def _pages(self) -> Iterator[list[tuple[FoundRow, BatchCrash]]]:
        after = read_place(self._part.after) if self._part.after else None
        for page in rows_between(self._run.db, self._scope, after, read_place(self._part.upto)):
            self.read += len(page)
            yield page

    def _row_pages(self) -> Iterator[list[Row]]:
        for page in self._pages():
            rows = []
            for found, crash in page:
                known = self._facts(found)
                self._run.advance(1)
                if known is None:
                    self.unreadable += 1
                    if self._params.needs_facts:
                        continue
                    known = NOTHING_KNOWN
                if self._params.wants(known):
                    rows.append(_row(found, crash, redact_facts(known, self._rules)))
            self.rows += len(rows)
            yield rows

    def _reports(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        symbols = OpenedSymbols(self._run.db, self._run.storage, self._scope.app_id)
        with self._run.db.read() as session:
            app = session.get_one(App, self._scope.app_id)
        for page in self._pages():
            for found, crash in page:
                self._run.advance(1)
                if self._params.needs_facts and found.described and not self._params.wants(_stored(found)):
                    continue
                read = self._read(found)
                if read is None:
                    self.unreadable += 1
                    continue
                raw, parsed = read
                if self._params.wants(_stored(found) if found.described else facts(parsed)):
                    self.rows += 1
                    name = f"{found.log_id}-crash-{found.number}"
                    named = symbols.resolve(parsed)
                    report = make_report(app, crash.identifier, crash.title, found, raw, named, self._rules)
                    yield f"{crash.identifier}/{name}.json", json_report.write(report)

    def _facts(self, found: FoundRow) -> Facts | None:
        """What is stored with the occurrence, else what its log says; None when that cannot be read."""
        if found.described:
            return _stored(found)
        read = self._read(found)
        return facts(read[1]) if read else None

    def _read(self, found: FoundRow) -> tuple[bytes, CrashLog] | None:
        """The stored log and the occurrence's report in it; None when it is lost, or is no longer what it was."""
        if self._latest is None or self._latest.row_id != found.log_row:
            self._latest = None  # never two in memory
            with self._run.db.read() as session:
                log = session.get(Log, found.log_row)
            try:
                raw = self._run.storage.get(log.storage_key, log.size) if log else b""
                self._latest = ParsedLog(found.log_row, raw, parse(raw))
            except (ObjectNotFound, MalformedLog):
                self._latest = ParsedLog(found.log_row, b"", [])
        _, raw, parsed = self._latest
        return (raw, parsed[found.number - 1]) if found.number <= len(parsed) else None


def _stored(found: FoundRow) -> Facts:
    return Facts(
        found.app_version, found.app_build, found.os_name, found.os_version, found.device_model, found.user_id
    )  # fmt: skip


def _row(found: FoundRow, crash: BatchCrash, known: Facts) -> Row:
    day = found.occurred_at.astimezone(UTC).date().isoformat()
    name = f"{found.log_id}-crash-{found.number}"
    return Row(name, day, found.log_id, found.occurred_at, crash.identifier, *known)


_Link = Annotated[
    str,
    Field(
        description="Signed; needs no token until expires_at",
        json_schema_extra={"format": "uri"},
        examples=["https://crashes.example.com/api/downloads/WyI1ZjBjIl0.5b9a5f00.c2lnbmF0dXJl"],
    ),
]


class ManifestPart(ResponseBody):
    """A file of a batch."""

    number: int
    filename: str = Field(examples=["2eab310c430bf292171281ae-00001.csv"])
    content_type: str = Field(examples=["text/csv; charset=utf-8"])
    rows: int
    unreadable: int
    size: int
    sha256: str
    url: _Link


class Manifest(StoredFile):
    """What a batch holds."""

    filename: str = Field(examples=["2eab310c430bf292171281ae-manifest.json"])
    schema_: Literal["crashq-batch"] = Field(alias="schema")
    schema_version: Literal[1]
    crash_identifier: str | None
    app_identifier: str | None = Field(examples=[None])
    format: str = Field(examples=["csv"])
    filters: Annotated[dict[str, Any], WithJsonSchema({"type": "object"})]
    snapshot_at: Time = Field(description="What came later is not in it")
    complete: bool = Field(description="False when some could not be read whole, or are missing")
    rows: int
    unreadable: int
    missing: int = Field(description="Occurrences that were erased or aged while the batch was made")
    total_size: int = Field(description="Bytes of all parts")
    parts: list[ManifestPart]


RESULT = Annotated[
    Manifest | None,
    Field(description="null while loading; then the manifest, with the links of its own file and of every part"),
]


def write_manifest(params: Filters, plan: JobPlan, parts: list[JobPart], stem: str) -> tuple[bytes, str, str]:
    """(content, file name, media type). The same plan and parts give the same bytes."""
    unreadable = sum(part.unreadable or 0 for part in parts)
    is_as_planned = all(part.done == part.units for part in parts)
    content = {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "crash_identifier": getattr(params, "crash_identifier", None),
        "app_identifier": getattr(params, "app_identifier", None),
        "format": params.format,
        "filters": params.to_json(),
        "snapshot_at": iso_time.rfc3339(plan.made_at),
        "complete": is_as_planned and unreadable == 0,
        "rows": sum(part.rows or 0 for part in parts),
        "unreadable": unreadable,
        "missing": sum(max(part.units - part.done, 0) for part in parts),
        "total_size": sum(part.size or 0 for part in parts),
        "parts": [
            {"number": part.number, "filename": part.filename, "content_type": part.media_type, "rows": part.rows,
             "unreadable": part.unreadable, "size": part.size, "sha256": part.sha256}
            for part in parts
        ],
    }  # fmt: skip
    return _compact(content), f"{stem}-manifest.json", MEDIA_TYPE


def present(job: AnyJob, showing: Showing) -> Body:
    """The manifest and the links; null while it is being made."""
    if job.is_live:
        return Body.of(b"null")
    assert job.result_key is not None
    manifest = json.loads(showing.storage.get(job.result_key, job.result_size))
    manifest.setdefault("missing", 0)  # earlier releases did not tell
    for part in manifest["parts"]:
        part["url"] = showing.part_link(job, part["number"])
    return Body.of(_compact({**showing.file(job), **manifest}))


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
