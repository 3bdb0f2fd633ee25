"""JSON Lines: a crash report on each line, in any of the formats that are one JSON object.

Source: https://jsonlines.org (2024). The first line has to be a crash report, which tells such a log from an .ips file and
from an envelope. Lines that cannot be read do not keep the others from being counted; the reason is stored with the log.
Left out on purpose: .ips, whose header and body are lines too.
"""

from collections.abc import Iterator

from app.crashes.log import CrashLog
from app.errors import MalformedLog
from app.parsers import (
    acra_json,
    apple_metrickit,
    bugsnag_event,
    crashlytics_bigquery,
    kscrash,
    measure_event,
    measure_session,
    otlp_logs,
    sentry_event,
)
from app.parsers.document import Document, unread_sentence

FORMAT = "json-lines"

_FORMATS = (
    acra_json, apple_metrickit, bugsnag_event, crashlytics_bigquery, kscrash, measure_event, measure_session, otlp_logs,
    sentry_event,
)  # fmt: skip


def sniff(document: Document) -> bool:
    """True for two lines or more, each an object by its look, whose first is a crash report."""
    if not document.looks_like_json or document.json is not None:
        return False
    lines = _lines(document.text or "")
    first, second = next(lines, ""), next(lines, "")
    if not first.endswith("}") or not second.startswith("{"):
        return False
    line = Document(first.encode("utf-8", "replace"))
    return any(parser.sniff(line) for parser in _FORMATS)


def parse(document: Document) -> list[CrashLog]:
    """The crash reports of all lines. Raises MalformedLog when no line can be read, with the reasons."""
    return list(reports(document))


def reports(document: Document) -> Iterator[CrashLog]:
    """The same one by one."""
    has_read = False
    for number, line in enumerate(_lines(document.text or ""), 1):
        try:
            found = _read(line, brief=document.brief)
        except MalformedLog as error:
            document.add_unread(f"line {number}: {error.message}")
        else:
            has_read = True
            yield from found
    if not has_read:
        raise MalformedLog(f"The log holds no line that can be read: {unread_sentence(document)}")


def _read(line: str, *, brief: bool) -> list[CrashLog]:
    document = Document(line.encode("utf-8", "replace"), brief=brief)
    for parser in _FORMATS:
        if parser.sniff(document):
            found: list[CrashLog] = parser.parse(document)
            return found
    raise MalformedLog(
        "it is JSON but no crash report of a known format" if document.json is not None else "it is not whole JSON"
    )


def _lines(text: str) -> Iterator[str]:
    """The lines that are not blank, without white space around them."""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if line := text[start:end].strip("\ufeff \t"):
            yield line
        start = end + 1
