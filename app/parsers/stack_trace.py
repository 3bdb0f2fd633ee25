"""Printed stack traces of JavaScript, .NET, Dart, Go, Rust, Python and Swift, alone or in a log, with any logcat prefix.

Each language is a module of app/parsers/traces. Sources are named there. A log of which another format says that it is its
own is not claimed: Java's traces, Apple's reports, Android's native crashes and thread dumps.
Left out on purpose: the log around the traces, logcat times without a year.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import starmap

from app.crashes.log import CrashLog, DeviceInfo, OsInfo, Thread
from app.errors import MalformedLog
from app.parsers import android_kind, apple_text, java_trace, logcat, traces, values
from app.parsers.document import Document
from app.parsers.logcat import LogLine
from app.parsers.traces import Language, Trace

FORMAT = "stack-trace"
MAX_REPORTS = 500  # crash reports kept of one log


def _discover() -> list[Language]:
    names = sorted(module.name for module in pkgutil.iter_modules(traces.__path__))
    return [importlib.import_module(f"{traces.__name__}.{name}") for name in names]


LANGUAGES = _discover()


def sniff(document: Document) -> bool:
    """True for a text with a stack trace of one of the languages that no other format claims."""
    text = document.text
    if text is None or document.json is not None or not _marked(text):
        return False
    if android_kind.kind(document) is not None or apple_text.sniff(document) or java_trace.sniff(document):
        return False
    return bool(_traces(document))


def parse(document: Document) -> list[CrashLog]:
    """The crash reports, in the order of the log. Raises MalformedLog when there is none."""
    found = _traces(document)
    if not found:
        raise MalformedLog("The log holds no stack trace below an error")
    reports: list[CrashLog] = []
    repeats = 1
    for report in starmap(_report, found[:MAX_REPORTS]):
        if reports and replace(reports[-1], notes=report.notes, occurred_at=report.occurred_at) == report:
            repeats += 1
            continue
        _note_repeats(reports, repeats)
        repeats = 1
        reports.append(report)
    _note_repeats(reports, repeats)
    return reports


def _note_repeats(reports: list[CrashLog], repeats: int) -> None:
    if repeats > 1:
        note = f"The log holds this trace {repeats} times in a row"
        reports[-1] = replace(reports[-1], notes=(*reports[-1].notes, note))


def _marked(text: str) -> list[Language]:
    return [language for language in LANGUAGES if any(mark in text for mark in language.MARKS)]


def _traces(document: Document) -> list[tuple[LogLine, str, Trace]]:
    return document.once(FORMAT, lambda: sorted(_found(document.text or ""), key=lambda found: found[0].number))


def _found(text: str) -> Iterator[tuple[LogLine, str, Trace]]:
    """The line that a trace begins on, its platform, and the trace."""
    marked = _marked(text)
    for stream in logcat.streams(logcat.read(text)):
        lines = [line.text for line in stream]
        for language in marked:
            for trace in language.traces(lines):
                yield stream[trace.first_line], language.PLATFORM, trace


def _report(start: LogLine, platform: str, trace: Trace) -> CrashLog:
    pid, tid, _ = start.stream or (None, None, None)
    process = values.text(start.app)
    occurred_at = logcat.utc_time(start.time)
    notes = trace.notes
    if occurred_at and not logcat.has_zone(start.time):
        notes = (*notes, "The log names no time zone: its time is read as UTC")
    return CrashLog(
        format=FORMAT,
        platform=platform,
        occurred_at=occurred_at,
        process=process,
        process_id=trace.process_id or pid,
        faults=trace.faults,
        threads=(Thread(index=tid or 0, name=trace.thread, is_crashed=True),) if trace.thread else (),
        images=trace.images,
        os=OsInfo(name="Android" if start.stream else None),
        device=DeviceInfo(arch=trace.arch),
        notes=notes,
    )
