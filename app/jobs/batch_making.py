"""Makes one part of a batch: a file of rows or reports."""

import codecs
from collections.abc import Iterator
from datetime import UTC
from itertools import chain

from app.crashes.facts import Facts, facts
from app.db.models.app import App
from app.db.models.job_part import JobPart, JobPlan
from app.db.queries.batch_rows import BatchCrash, FoundRow, Scope, read_place, rows_between
from app.errors import Conflict
from app.exports import ROW_FORMATS, Row, RowFormat
from app.jobs.batch_logs import LogReader
from app.jobs.batch_params import REPORTS, UTF_8_BOM, Filters
from app.jobs.batch_text import TextMaker
from app.jobs.job_type import MadePart, PartCount, Run
from app.jobs.report_making import make_report, rules_of
from app.redaction.crash_log import redact_facts
from app.reports import json_report
from app.reports.zip_report import zip_stream
from app.symbolication.opened import OpenedSymbols

NOTHING_KNOWN = Facts()


class ReportsChanged(Conflict):
    """Parts made before and after would not belong together."""

    code, message = "reports_changed", "The settings for the app's reports changed while the batch was made; ask again"


class PartMaker:
    """Reads a part's occurrences; counts them, those that it has written and those that it could not read."""

    def __init__(self, params: Filters, scope: Scope, plan: JobPlan, part: JobPart, run: Run) -> None:
        self._count = PartCount()
        self._params, self._scope, self._part, self._run = params, scope, part, run
        with run.db.read() as session:
            self._rules, revision = rules_of(session, scope.app_id)
        if plan.reports_revision not in (None, revision):
            raise ReportsChanged
        self._logs = LogReader(run)

    def make(self, stem: str, name: str) -> MadePart:
        """Store the part by that name; its file is named after the stem and its number."""
        if self._params.format == REPORTS:
            chunks, extension, media_type = zip_stream(self._reports()), "zip", "application/zip"
        else:
            writer = ROW_FORMATS[self._params.format]
            chunks, extension, media_type = self._rows(writer), writer.EXTENSION, writer.MEDIA_TYPE
            if self._params.encoding == UTF_8_BOM:
                chunks = chain([codecs.BOM_UTF8], chunks)
        filename = f"{stem}-{self._part.number:05d}.{extension}"
        artefact = self._run.store(name, chunks, filename, media_type)
        return MadePart(artefact, self._count.read, self._count.rows, self._count.unreadable)

    def _rows(self, writer: RowFormat) -> Iterator[bytes]:
        """The file of rows: written row by row, or of text that the database makes."""
        if self._run.speed.batch_text and self._run.db.is_postgresql:
            maker, part = TextMaker(self._params, self._scope, self._run, self._rules), self._part
            return writer.join(maker.texts(writer.TEXT, part.after, part.upto, part.units, self._count))
        return writer.write(self._row_pages())

    def _pages(self, *, is_report: bool = False) -> Iterator[list[tuple[FoundRow, BatchCrash]]]:
        after = read_place(self._part.after) if self._part.after else None
        for page in rows_between(self._run.db, self._scope, after, read_place(self._part.upto)):
            self._count.read += len(page)
            self._logs.look_up({found.log_row for found, _ in page if is_report or not found.described})
            yield page

    def _row_pages(self) -> Iterator[list[Row]]:
        for page in self._pages():
            rows = []
            for found, crash in page:
                known = self._facts(found)
                self._run.advance(1)
                if known is None:
                    self._count.unreadable += 1
                    if self._params.needs_facts:
                        continue
                    known = NOTHING_KNOWN
                if self._params.wants(known):
                    rows.append(_row(found, crash, redact_facts(known, self._rules)))
            self._count.rows += len(rows)
            yield rows

    def _reports(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        symbols = OpenedSymbols(self._run.db, self._run.storage, self._scope.app_id, self._run.now)
        with self._run.db.read() as session:
            app = session.get_one(App, self._scope.app_id)
        for page in self._pages(is_report=True):
            for found, crash in page:
                self._run.advance(1)
                if self._params.needs_facts and found.described and not self._params.wants(_stored(found)):
                    continue
                read = self._logs.read(found.log_row, found.number)
                if read is None:
                    self._count.unreadable += 1
                    continue
                raw, parsed = read
                if self._params.wants(_stored(found) if found.described else facts(parsed)):
                    self._count.rows += 1
                    name = f"{found.log_id}-crash-{found.number}"
                    named = symbols.resolve(parsed)
                    report = make_report(app, crash.identifier, crash.title, found, raw, named, self._rules)
                    yield f"{crash.identifier}/{name}.json", json_report.write(report)

    def _facts(self, found: FoundRow) -> Facts | None:
        """What is stored with the occurrence, else what its log says; None when that cannot be read."""
        if found.described:
            return _stored(found)
        read = self._logs.read(found.log_row, found.number)
        return facts(read[1]) if read else None


def _stored(found: FoundRow) -> Facts:
    return Facts(
        found.app_version, found.app_build, found.os_name, found.os_version, found.device_model, found.user_id
    )  # fmt: skip


def _row(found: FoundRow, crash: BatchCrash, known: Facts) -> Row:
    day = found.occurred_at.astimezone(UTC).date().isoformat()
    name = f"{found.log_id}-crash-{found.number}"
    return Row(name, day, found.log_id, found.occurred_at, crash.identifier, *known)
