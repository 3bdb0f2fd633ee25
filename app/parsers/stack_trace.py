"""Printed stack traces of many languages, alone or in a log, with any logcat prefix.

Each language is a module of app/parsers/traces. Sources are named there. A log of which another format says that it
is its own is not claimed: Java's traces, Apple's reports, Android's native crashes and thread dumps.
Where the log says that errors were unhandled, each of those is a crash report and no other; where it says so
nowhere, each.
Left out on purpose: the log around the traces, logcat times without a year.
"""

from dataclasses import replace

from app.crashes.log import CrashLog, Thread
from app.errors import MalformedLog
from app.parsers import android_kind, apple_text, java_trace, logcat, printed_traces, report_header, values
from app.parsers.document import Document
from app.parsers.printed_traces import PrintedTrace
from app.parsers.repeats import without_repeats

FORMAT = "stack-trace"
MAX_REPORTS = 500  # crash reports kept of one log


def sniff(document: Document) -> bool:
    """True for a text with a stack trace of one of the languages that no other format claims."""
    if document.text is None or document.json is not None:
        return False
    if android_kind.kind(document) is not None or apple_text.sniff(document) or java_trace.sniff(document):
        return False
    return bool(printed_traces.found(document))


def parse(document: Document) -> list[CrashLog]:
    """The crash reports, in the order of the log. Raises MalformedLog when there is none."""
    found = printed_traces.found(document)
    if not found:
        raise MalformedLog("The log holds no stack trace below an error")
    found = printed_traces.unhandled(document) or found
    return without_repeats(map(_report, found[:MAX_REPORTS]))


def _report(printed: PrintedTrace) -> CrashLog:
    start, platform, trace, above = printed
    header = report_header.read(above)
    faults = trace.faults
    if printed.is_unhandled:
        faults = (replace(faults[0], handled=False), *faults[1:])
    pid, tid, _ = start.stream or (None, None, None)
    occurred_at, has_zone = logcat.utc_time(start.time), logcat.has_zone(start.time)
    if occurred_at is None:
        occurred_at, has_zone = header.occurred_at, header.has_zone
    is_zoneless = occurred_at is not None and not has_zone
    thread = trace.thread or header.thread
    return CrashLog(
        format=FORMAT,
        platform=platform,
        occurred_at=occurred_at,
        process=values.text(start.app) or header.process,
        process_id=trace.process_id or pid or header.process_id,
        faults=faults,
        threads=(Thread(index=tid or 0, name=thread, is_crashed=True),) if thread else (),
        images=trace.images,
        app=header.app,
        os=replace(header.os, name="Android") if start.stream and not header.os.name else header.os,
        device=replace(header.device, arch=trace.arch) if trace.arch else header.device,
        notes=(*trace.notes, *(("The log names no time zone: its time is read as UTC",) if is_zoneless else ())),
    )
