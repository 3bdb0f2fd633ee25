"""Java and Kotlin stack traces as text, alone, inside a program's output or in Android's logcat.

Source: OpenJDK 17 `Throwable.printStackTrace` and `ThreadGroup.uncaughtException`; Android 14
`RuntimeInit.LoggingHandler` ("FATAL EXCEPTION", "Process:"); Jazzer ("== Java Exception:"). `app.parsers.java_stack`
reads the trace itself.

Which traces are crash reports: where the log says that an exception was uncaught, each of those and no other, for the
rest was caught and printed. Where it says so nowhere, each trace. Neighbours that are alike, of one process, are one
report with a note: two loggers printed one exception. A log with a native crash or a thread dump in it is not claimed.
Left out on purpose: the log around the traces, logcat times without a year.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from app.crashes.log import AppInfo, CrashLog, OsInfo, Thread
from app.errors import MalformedLog
from app.parsers import android_kind, apple_text, java_stack, logcat, values
from app.parsers.document import Document
from app.parsers.logcat import LogLine

FORMAT = "java-trace"
MAX_REPORTS = 500  # crash reports kept of one log

_MARKS = ("\tat ", " at ", "\nat ", "FATAL EXCEPTION", "Exception in thread ", "Exception: ")
_OTHER_FORMATS = re.compile(  # ACRA, Apple even where it is cut; android_kind tells Android's
    r"^(?:STACK_TRACE[ =:]|(?:Incident Identifier|Exception Type|Binary Images):)", re.M
)
_FATAL = re.compile(r"[ \t]*(?:\*\*\* )?FATAL EXCEPTION(?: IN SYSTEM PROCESS)?: ?(?P<thread>.*)$")
_OLD_FATAL = re.compile(r"[ \t]*Uncaught handler: thread (?P<thread>.*) exiting due to uncaught exception")
# Possessive: two runs of blanks side by side would take quadratic time.
_PROCESS = re.compile(r"[ \t]*+(?:Process: (?P<process>[^,\s]+))?(?:, )?(?:PID: (?P<pid>\d+))?[ \t]*$")
_IN_THREAD = re.compile(r'[ \t]*Exception in thread "(?P<thread>.*?)" (?P<rest>[^\W\d][\w$.]*(?:[:\[(; ].*)?)$')
_FROM_HANDLER = re.compile(
    r'[ \t]*Exception: (?P<rest>\S+) thrown from the UncaughtExceptionHandler in thread "(?P<thread>[^"]*)"'
)
_LEAD = re.compile(r"[ \t]*(?P<lead>== Java Exception: |Exception )(?P<rest>[^\W\d][\w$.]*(?::.*)?)$")
_HEADER = re.compile(r"[ \t]*(?P<type>[^\W\d][\w$-]*(?:\.[^\W\d][\w$-]*)*)(?=[ \t]*$|:(?: |$)|(?P<loose>[ \[(;]))")
_THREAD_STATE = "java.lang.Thread.State"  # heads the frames of a HotSpot thread dump
_INLINE_TYPE = re.compile(r"(?<![\w$.])(?:[^\W\d][\w$]*\.)+[A-Z][\w$]*(?=: |$)")
_MAX_MESSAGE_LINES = 200
_PATIENCE_BELOW_FATAL = 20  # lines until the name of the exception
_MAX_GAP_LINES = 3  # lines of others between two lines of one trace


@dataclass(slots=True)
class _Trace:
    """The lines of one trace and what the log says about it."""

    start: LogLine
    lines: list[str] = field(default_factory=list)
    is_uncaught: bool = False
    is_android: bool = False
    thread: str | None = None
    process: str | None = None
    process_id: int | None = None
    patience: int = _MAX_MESSAGE_LINES  # lines that may still follow before the next frame
    frames: int = 0
    gap: int = 0


def sniff(document: Document) -> bool:
    """True when the text holds a Java stack trace and nothing that another format claims."""
    text = document.text
    if text is None or text.lstrip()[:1] == "{" or document.json is not None:
        return False
    if not any(mark in text for mark in _MARKS) or _OTHER_FORMATS.search(text):
        return False
    return android_kind.kind(document) is None and not apple_text.sniff(document) and bool(_traces(text))


def parse(document: Document) -> list[CrashLog]:
    """Return the crash reports in the log. Raises MalformedLog when no trace is in it."""
    traces = _traces(document.text or "")
    if not traces:
        raise MalformedLog("The log holds no Java stack trace that begins with the name of an exception")
    if any(trace.is_uncaught for trace in traces):
        traces = [trace for trace in traces if trace.is_uncaught]
    reports: list[CrashLog] = []
    repeats = 1
    for trace in traces[:MAX_REPORTS]:
        report = _report(trace)
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


def _traces(text: str) -> list[_Trace]:
    found = [trace for stream in logcat.streams(logcat.read(text)) for trace in _traces_of(stream)]
    return sorted(found, key=lambda trace: trace.start.number)


def _traces_of(stream: list[LogLine]) -> Iterator[_Trace]:
    """The traces that one thread wrote: those with a frame that only Java prints, and uncaught ones even without."""
    trace: _Trace | None = None
    previous: LogLine | None = None
    for line in stream:
        opened = _opened(line, trace, previous)
        if opened:
            if trace and _is_whole(trace):
                yield trace
            trace = opened
        elif trace and not _goes_on(trace, line.text):
            if _is_whole(trace):
                yield trace
            trace = None
        previous = line
    if trace and _is_whole(trace):
        yield trace


def _is_whole(trace: _Trace) -> bool:
    if trace.is_uncaught:
        return bool(trace.lines)
    return any(java_stack.is_certain_frame(line) for line in trace.lines[1:])


def _opened(line: LogLine, trace: _Trace | None, previous: LogLine | None) -> _Trace | None:
    """A new trace, when one begins on this line; None when the line belongs to the open one or to none."""
    text = line.text
    if not text or text.isspace():
        return None
    fatal = _FATAL.match(text) or _OLD_FATAL.match(text)
    if fatal:
        thread = values.text(fatal["thread"].strip())
        return _Trace(line, is_uncaught=True, is_android=True, thread=thread, patience=_PATIENCE_BELOW_FATAL)
    in_thread = _IN_THREAD.match(text) or _FROM_HANDLER.match(text)
    if in_thread:
        return _Trace(line, [in_thread["rest"]], is_uncaught=True, thread=values.text(in_thread["thread"]))
    if trace and not trace.lines:
        return None
    lead = _LEAD.match(text)
    if lead:
        return _Trace(line, [lead["rest"]], is_uncaught=lead["lead"].startswith("=="))
    caption = java_stack.CAPTION.match(text)
    if trace is None and caption and caption["kind"] == "Caused by":  # the log begins in the middle of a trace
        return _Trace(line, [text])
    if trace is None and previous and java_stack.is_certain_frame(text):
        inline = _INLINE_TYPE.search(previous.text)
        if not inline or inline[0] == _THREAD_STATE:
            return None
        return _Trace(previous, [previous.text[inline.start() :], text], frames=1)
    return _headed(line, trace)


def _headed(line: LogLine, trace: _Trace | None) -> _Trace | None:
    """A trace whose `type: message` line this is; the less it looks like a type, the sooner a frame must follow."""
    header = _HEADER.match(line.text)
    if not header or header["type"] == _THREAD_STATE or java_stack.CAPTION.match(line.text):
        return None
    kind, is_ended = header["type"], header["loose"] is None
    if java_stack.TYPE.fullmatch(kind) and ("." in kind or (kind[0].isupper() and is_ended)):
        patience = _MAX_MESSAGE_LINES
    elif "." in kind and is_ended:
        patience = 20 if kind.rpartition(".")[2][0].isupper() else 1
    else:
        return None
    if trace and _is_message_of(trace, line.text, patience):
        return None
    return _Trace(line, [line.text], patience=patience)


def _is_message_of(trace: _Trace, text: str, patience: int) -> bool:
    """True when a line that could be a header is more likely a further line of the open trace's message."""
    if trace.frames:
        return False
    if trace.is_uncaught or java_stack.indent_of(text) > java_stack.indent_of(trace.lines[0]):
        return True
    return patience < _MAX_MESSAGE_LINES <= trace.patience + len(trace.lines)


def _goes_on(trace: _Trace, text: str) -> bool:
    """Take the line into the open trace; False when the trace is over."""
    if not trace.lines:
        return _starts_uncaught(trace, text)
    is_frame = java_stack.frame(text) is not None
    caption = java_stack.CAPTION.match(text)
    if is_frame or caption or java_stack.MORE.match(text) or java_stack.CIRCULAR.match(text):
        trace.lines.append(text)
        trace.frames = 0 if caption else trace.frames + 1
        trace.gap = 0
        trace.patience = _MAX_MESSAGE_LINES
        return True
    if trace.frames:
        trace.gap += 1
        return trace.gap <= _MAX_GAP_LINES
    trace.patience -= 1
    if trace.patience >= 0:
        trace.lines.append(text)
    return trace.patience >= 0


def _starts_uncaught(trace: _Trace, text: str) -> bool:
    """Find the process and the first line of the exception below a "FATAL EXCEPTION" line."""
    process = _PROCESS.match(text)
    if process and text.strip():
        trace.process = values.text(process["process"]) or trace.process
        trace.process_id = values.integer(process["pid"]) or trace.process_id
        return True
    header = _HEADER.match(text)
    is_next = trace.patience == _PATIENCE_BELOW_FATAL and header and header["loose"] is None
    if header and (is_next or "." in header["type"] or java_stack.TYPE.fullmatch(header["type"])):
        trace.lines.append(text)
        trace.patience = _MAX_MESSAGE_LINES
        return True
    trace.patience -= 1
    return trace.patience >= 0


def _report(trace: _Trace) -> CrashLog:
    handled, mechanism = (False, "UncaughtExceptionHandler") if trace.is_uncaught else (None, None)
    faults, notes = java_stack.read_faults(_without_tail(trace), handled, mechanism)
    pid, tid, _ = trace.start.stream or (None, None, None)
    process = trace.process or values.text(trace.start.app)
    occurred_at = logcat.utc_time(trace.start.time)
    if occurred_at and not logcat.has_zone(trace.start.time):
        notes.append("The log names no time zone: its time is read as UTC")
    identifier = process.partition(":")[0] if process and "." in process else None
    return CrashLog(
        format=FORMAT,
        platform="java",
        occurred_at=occurred_at,
        level="fatal" if trace.is_android else None,
        process=process,
        process_id=trace.process_id or pid,
        faults=tuple(faults),
        threads=(Thread(index=tid or 0, name=trace.thread, is_crashed=True),) if trace.thread else (),
        app=AppInfo(identifier=identifier),
        os=OsInfo(name="Android" if trace.is_android else None),
        notes=tuple(notes),
    )


def _without_tail(trace: _Trace) -> list[str]:
    """The lines of the trace without those after its last frame, which only might have been a message."""
    if trace.frames:
        return trace.lines
    last = len(trace.lines) - 1
    while last > 0 and not (java_stack.frame(trace.lines[last]) or java_stack.CAPTION.match(trace.lines[last])):
        last -= 1
    return trace.lines[: last + 1]
