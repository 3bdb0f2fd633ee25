"""Where Java stack traces stand in a log: the lines of each, and what the log says about it.

A trace begins with the name of an exception and goes on as long as its lines look like `printStackTrace`'s. A few
lines of others may stand between two frames, but no heading: behind one stands the stack of another thread.

Each line is looked at once, and by the patterns that its first letters allow: most lines of a log are none of a
trace.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from app.parsers import java_stack, logcat, report_header, values
from app.parsers.logcat import LogLine

_FATAL = re.compile(r"(?:\*\*\* )?FATAL EXCEPTION(?: IN SYSTEM PROCESS)?: ?(?P<thread>.*)$")
_OLD_FATAL = re.compile(r"Uncaught handler: thread (?P<thread>.*) exiting due to uncaught exception")
# Possessive: two runs of blanks side by side would take quadratic time.
_PROCESS = re.compile(r"[ \t]*+(?:Process: (?P<process>[^,\s]+))?(?:, )?(?:PID: (?P<pid>\d+))?[ \t]*$")
_IN_THREAD = re.compile(r'Exception in thread "(?P<thread>.*?)" (?P<rest>[^\W\d][\w$.]*(?:[:\[(; ].*)?)$')
_FROM_HANDLER = re.compile(
    r'Exception: (?P<rest>\S+) thrown from the UncaughtExceptionHandler in thread "(?P<thread>[^"]*)"'
)
_LEAD = re.compile(r"(?P<lead>== Java Exception: |(?:Fatal |Non-fatal )?Exception:? )(?P<rest>[^\W\d][\w$.]*(?::.*)?)$")
_HEADER = re.compile(r"[ \t]*(?P<type>[^\W\d][\w$-]*(?:\.[^\W\d][\w$-]*)*)(?=[ \t]*$|:(?: |$)|(?P<loose>[ \[(;]))")
_THREAD_STATE = "java.lang.Thread.State"  # heads the frames of a HotSpot thread dump
_INLINE_TYPE = re.compile(r"(?<![\w$.])(?:[^\W\d][\w$]*\.)+[A-Z][\w$]*(?=: |$)")
_HEADING = re.compile(r'(?:[^\W\d][^:"]{0,200}:|"[^"]{1,200}".{0,200}|Thread[ :-].{0,200}|[-=*]{3,}.{0,200})$')
_MAX_MESSAGE_LINES = 200
_PATIENCE_BELOW_FATAL = 20  # lines until the name of the exception
_MAX_GAP_LINES = 3  # lines of others between two lines of one trace
_FATAL_WORDS = ("FATAL EXCEPTION", "*** FATAL EXCEPTION", "Uncaught handler: ")
_LEAD_WORDS = ("Exception", "== Java Exception: ", "Fatal Exception: ", "Non-fatal Exception: ")


@dataclass(slots=True)
class JavaTrace:
    """The lines of one trace and what the log says about it."""

    start: LogLine
    lines: list[str] = field(default_factory=list)
    is_uncaught: bool = False  # the log calls it the crash
    is_android: bool = False
    handled: bool | None = None
    needs_frame: bool = False  # its first line alone may be another system's: Crashlytics heads all of them alike
    thread: str | None = None
    process: str | None = None
    process_id: int | None = None
    above: Sequence[str] = ()  # lines above it, where the log has no prefixes
    patience: int = _MAX_MESSAGE_LINES  # lines that may still follow before the next frame
    frames: int = 0
    gap: int = 0
    is_blank_in_gap: bool = False
    caption_line: str | None = None  # of the cause that is being read

    @property
    def caption(self) -> str:
        """The line that names the exception whose frames are being read."""
        return self.caption_line or self.lines[0]


def traces(text: str) -> list[JavaTrace]:
    """The traces in a log, in its order."""
    found = [trace for stream in logcat.streams(logcat.read(text)) for trace in _traces_of(stream)]
    return sorted(found, key=lambda trace: trace.start.number)


def _traces_of(stream: list[LogLine]) -> Iterator[JavaTrace]:
    """The traces that one thread wrote: those with a frame that only Java prints, and uncaught ones even without."""
    trace: JavaTrace | None = None
    previous: LogLine | None = None
    begun = 0
    for number, line in enumerate(stream):
        head = line.text.lstrip(" \t")
        opened = _opened(line, head, trace, previous) if head else None
        if opened:
            if trace and _is_whole(trace):
                yield _with_above(trace, stream, begun)
            trace, begun = opened, number if opened.start is line else number - 1
        elif trace and not _goes_on(trace, line.text, head):
            if _is_whole(trace):
                yield _with_above(trace, stream, begun)
            trace = None
        previous = line
    if trace and _is_whole(trace):
        yield _with_above(trace, stream, begun)


def _with_above(trace: JavaTrace, stream: list[LogLine], begun: int) -> JavaTrace:
    if trace.start.stream is None:
        trace.above = [line.text for line in stream[max(begun - report_header.MAX_LINES, 0) : begun]]
    return trace


def _is_whole(trace: JavaTrace) -> bool:
    if trace.is_uncaught and not trace.needs_frame:
        return bool(trace.lines)
    if trace.needs_frame:
        return any(map(java_stack.is_frame, trace.lines[1:]))
    return any(java_stack.is_certain_frame(line) for line in trace.lines[1:])


def _opened(line: LogLine, head: str, trace: JavaTrace | None, previous: LogLine | None) -> JavaTrace | None:
    """A new trace, when one begins on this line; None when the line belongs to the open one or to none.

    `head` is the line's text without the blanks in front.
    """
    if head.startswith("at "):
        return _inline(line, previous) if trace is None and previous else None
    if head.startswith(_FATAL_WORDS):
        fatal = _FATAL.match(head) or _OLD_FATAL.match(head)
        if fatal:
            thread = values.text(fatal["thread"].strip())
            return JavaTrace(line, is_uncaught=True, is_android=True, thread=thread, patience=_PATIENCE_BELOW_FATAL)
    may_lead = head.startswith(_LEAD_WORDS)
    in_thread = (_IN_THREAD.match(head) or _FROM_HANDLER.match(head)) if may_lead else None
    if in_thread:
        return JavaTrace(line, [in_thread["rest"]], is_uncaught=True, thread=values.text(in_thread["thread"]))
    if trace and not trace.lines:
        return None
    lead = _LEAD.match(head) if may_lead else None
    if lead and lead["lead"] != "Exception: ":
        is_handled = lead["lead"].startswith("Non")
        is_uncaught = not lead["lead"].startswith("Exception")
        handled = is_handled if is_uncaught else None
        needs_frame = lead["lead"].endswith("atal Exception: ")
        return JavaTrace(line, [lead["rest"]], is_uncaught=is_uncaught, handled=handled, needs_frame=needs_frame)
    is_caption = java_stack.caption(head) is not None
    if trace is None and is_caption and head.startswith("Caused by"):  # the log begins in the middle of a trace
        return JavaTrace(line, [line.text])
    return None if is_caption else _headed(line, trace)


def _inline(line: LogLine, previous: LogLine) -> JavaTrace | None:
    """A trace whose exception stands behind other text on the line above its first frame."""
    if not java_stack.is_certain_frame(line.text):
        return None
    inline = _INLINE_TYPE.search(previous.text)
    if not inline or inline[0] == _THREAD_STATE:
        return None
    return JavaTrace(previous, [previous.text[inline.start() :], line.text], frames=1)


def _headed(line: LogLine, trace: JavaTrace | None) -> JavaTrace | None:
    """A trace whose `type: message` line this is; the less it looks like a type, the sooner a frame must follow."""
    header = _HEADER.match(line.text)
    if not header or header["type"] == _THREAD_STATE:
        return None
    kind, is_ended = header["type"], header["loose"] is None
    if "." not in kind and not kind[0].isupper():
        return None
    if java_stack.TYPE.fullmatch(kind) and ("." in kind or is_ended):
        patience = _MAX_MESSAGE_LINES
    elif "." in kind and is_ended:
        patience = 20 if kind.rpartition(".")[2][0].isupper() else 1
    else:
        return None
    if trace and _is_message_of(trace, line.text, patience):
        return None
    return JavaTrace(line, [line.text], patience=patience)


def _is_message_of(trace: JavaTrace, text: str, patience: int) -> bool:
    """True when a line that could be a header is more likely a further line of the open trace's message."""
    if trace.frames:
        return False
    if trace.is_uncaught or java_stack.indent_of(text) > java_stack.indent_of(trace.lines[0]):
        return True
    return patience < _MAX_MESSAGE_LINES <= trace.patience + len(trace.lines)


def _goes_on(trace: JavaTrace, text: str, head: str) -> bool:
    """Take the line into the open trace; False when the trace is over."""
    if not trace.lines:
        return _starts_uncaught(trace, text)
    is_at = head.startswith("at ")
    is_frame = is_at and java_stack.is_frame_below(trace.caption, text)
    caption = None if is_at else java_stack.caption(head)
    if is_frame or caption or java_stack.is_about_frames(head):
        trace.lines.append(text)
        if caption:
            trace.caption_line = text
        trace.frames = 0 if caption else trace.frames + 1
        trace.gap, trace.is_blank_in_gap = 0, False
        trace.patience = _MAX_MESSAGE_LINES
        return True
    if trace.frames:
        return _bridges(trace, head)
    trace.patience -= not is_at  # the stack of another runtime in the message may be as long as it is
    if trace.patience >= 0:
        trace.lines.append(text)
    return trace.patience >= 0


def _bridges(trace: JavaTrace, head: str) -> bool:
    """True when further frames of the trace may stand below a line that is none of it."""
    trace.gap += 1
    if not head:
        trace.is_blank_in_gap = True
    elif _HEADING.match(head) or (trace.is_blank_in_gap and trace.start.stream is None):
        return False
    return trace.gap <= _MAX_GAP_LINES


def _starts_uncaught(trace: JavaTrace, text: str) -> bool:
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


def without_tail(trace: JavaTrace) -> list[str]:
    """The lines of the trace without those after its last frame, which only might have been a message."""
    if trace.frames:
        return trace.lines
    last = len(trace.lines) - 1
    while last > 0 and not (java_stack.is_frame(trace.lines[last]) or java_stack.CAPTION.match(trace.lines[last])):
        last -= 1
    return trace.lines[: last + 1]
