"""Java and Kotlin stack traces as text, alone, inside a program's output or in Android's logcat.

Source: OpenJDK 17 `Throwable.printStackTrace` and `ThreadGroup.uncaughtException`; Android 14
`RuntimeInit.LoggingHandler` ("FATAL EXCEPTION", "Process:"); Jazzer ("== Java Exception:"). `app.parsers.java_finder`
finds the traces, `java_stack` reads them, `hosted_exception` what another runtime wrote into them.

Which traces are crash reports: where the log says that an exception was uncaught, each of those and no other, for the
rest was caught and printed. Where it says so nowhere, each trace. Neighbours that are alike, of one process, are one
report with a note: two loggers printed one exception. A log with a native crash or a thread dump in it is not claimed.
Left out on purpose: the log around the traces, logcat times without a year.
"""

import re
from dataclasses import replace

from app.crashes.log import CrashLog, Thread
from app.errors import MalformedLog
from app.parsers import (
    android_kind,
    apple_text,
    crashlytics_apple,
    hosted_exception,
    java_finder,
    java_stack,
    logcat,
    printed_traces,
    report_header,
    values,
)
from app.parsers.document import Document
from app.parsers.java_finder import JavaTrace
from app.parsers.repeats import without_repeats

FORMAT = "java-trace"
MAX_REPORTS = 500  # crash reports kept of one log

_UNCAUGHT = ("FATAL EXCEPTION", "Uncaught handler: ", "Exception in thread ", "UncaughtExceptionHandler", "atal Exception: ",
             "== Java Exception: ")  # fmt: skip
_OTHER_FORMATS = re.compile(  # ACRA, Apple even where it is cut; android_kind tells Android's
    r"^(?:STACK_TRACE[ =:]|(?:Incident Identifier|Exception Type|Binary Images):)", re.M
)


def sniff(document: Document) -> bool:
    """True when the text holds a Java stack trace and nothing that another format claims."""
    text = document.text
    if text is None or text.lstrip()[:1] == "{" or document.json is not None:
        return False
    if not (java_stack.may_hold_frames(text) or any(mark in text for mark in _UNCAUGHT)) or _OTHER_FORMATS.search(text):
        return False
    if android_kind.kind(document) is not None or apple_text.sniff(document) or crashlytics_apple.sniff(document):
        return False
    traces = _traces(document)
    return any(trace.is_uncaught for trace in traces) or (bool(traces) and not _is_of_others(document, traces))


def _is_of_others(document: Document, traces: list[JavaTrace]) -> bool:
    """True when an error of another language was not handled, and the exceptions of Java are only printed beside it."""
    starts = {trace.start.number for trace in traces}
    return any(one.start.number not in starts for one in printed_traces.unhandled(document))


def parse(document: Document) -> list[CrashLog]:
    """Return the crash reports in the log. Raises MalformedLog when no trace is in it."""
    traces = _traces(document)
    if not traces:
        raise MalformedLog("The log holds no Java stack trace that begins with the name of an exception")
    if any(trace.is_uncaught for trace in traces):
        traces = [trace for trace in traces if trace.is_uncaught]
    return without_repeats(map(_report, traces[:MAX_REPORTS]))


def _traces(document: Document) -> list[JavaTrace]:
    return document.once(FORMAT, lambda: java_finder.traces(document.text or ""))


def _report(trace: JavaTrace) -> CrashLog:
    header = report_header.read(trace.above)
    is_crash = trace.is_uncaught and not trace.handled
    mechanism = "UncaughtExceptionHandler" if is_crash else None
    faults, notes = java_stack.read_faults(
        java_finder.without_tail(trace), False if is_crash else trace.handled, mechanism
    )
    pid, tid, _ = trace.start.stream or (None, None, None)
    process = trace.process or values.text(trace.start.app) or header.process
    occurred_at, has_zone = logcat.utc_time(trace.start.time), logcat.has_zone(trace.start.time)
    if occurred_at is None:
        occurred_at, has_zone = header.occurred_at, header.has_zone
    if occurred_at and not has_zone:
        notes.append("The log names no time zone: its time is read as UTC")
    identifier = process.partition(":")[0] if process and "." in process else None
    app = replace(header.app, identifier=header.app.identifier or identifier)
    thread = Thread(index=tid or 0, name=trace.thread or header.thread, is_crashed=True)
    platform, found = "java", hosted_exception.hosted(faults, app.identifier)
    if found:
        platform, faults = found.platform, list(found.faults)
        thread = replace(thread, frames=found.delivered_by)
        notes += found.notes
    return CrashLog(
        format=FORMAT,
        platform=platform,
        occurred_at=occurred_at,
        level="fatal" if trace.is_android else None,
        process=process,
        process_id=trace.process_id or pid or header.process_id,
        faults=tuple(faults),
        threads=(thread,) if thread.name or thread.frames else (),
        app=app,
        os=replace(header.os, name=header.os.name or ("Android" if trace.is_android else None)),
        device=header.device,
        notes=tuple(notes),
    )
