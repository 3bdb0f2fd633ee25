"""Stack traces that Kotlin/Native prints, on iOS and on desktops.

Source: Kotlin 2.0 `Throwable.dumpStackTrace` and `ReportUnhandledException`; frames are those of backtrace_symbols, with
the place in the source where the program has debug information.
Left out on purpose: suppressed exceptions.
"""

import re
from collections.abc import Iterator, Sequence

from app.crashes.log import Fault, Frame
from app.parsers import values
from app.parsers.traces import Trace

PLATFORM = "kotlin-native"
MARKS = ("kfun:",)

_MAX_LINE = 4_000  # characters of a line that are read
_MAX_HEAD_LINES = 20  # of a message
_MAX_FAULTS = 50
_FRAME = re.compile(
    r"[ \t]{0,40}at \d{1,6} {1,10}(?P<image>\S{1,400}) {1,80}(?P<address>(?:0x)?[0-9a-fA-F]{4,16}) {1,20}(?P<rest>\S.*)$"
)
_SOURCE = re.compile(r" \((?P<file>[^()]{1,1000}?):(?P<line>\d{1,9}):\d{1,9}\)$")
_OFFSET = re.compile(r" \+ (?P<offset>\d{1,15})$")
_MORE = re.compile(r"[ \t]{0,40}\.\.\. and \d{1,9} more ")
_HEAD = re.compile(
    r"[ \t]{0,40}(?P<cause>Caused by: )?(?:.{0,200}?Uncaught Kotlin exception: )?(?P<type>[A-Za-z_][\w.$]{0,300})"
    r"(?:: (?P<message>.*))?$"
)
_IS_ERROR = re.compile(
    r"Uncaught Kotlin exception: |^[ \t]{0,40}Caused by: |^[\w.$]{0,300}(?:Error|Exception|Throwable)\b"
)


def traces(lines: Sequence[str]) -> Iterator[Trace]:
    """The exceptions, with their causes."""
    chain: list[Fault] = []
    first, at, behind = 0, 0, 0
    while at < len(lines):
        if _FRAME.match(lines[at][:_MAX_LINE]) is None:
            at += 1
            continue
        start = _head_above(lines, at, behind)
        stop, frames = _stack(lines, at)
        if start is not None and any("kfun:" in (frame.function or "") for frame in frames):
            found = _HEAD.match(lines[start][:_MAX_LINE])
            is_cause = found is not None and found["cause"] is not None and start == behind and bool(chain)
            if chain and not is_cause:
                yield Trace(first, tuple(chain))
                chain = []
            first = start if not chain else first
            if len(chain) < _MAX_FAULTS:
                chain.append(_fault(found, lines[start + 1 : at], frames, len(chain)))
        at = behind = stop
    if chain:
        yield Trace(first, tuple(chain))


def _head_above(lines: Sequence[str], at: int, behind: int) -> int | None:
    """The line of type and message above the first frame."""
    for number in range(at - 1, max(behind, at - _MAX_HEAD_LINES) - 1, -1):
        if _IS_ERROR.search(lines[number][:_MAX_LINE]):
            return number
    return None


def _stack(lines: Sequence[str], at: int) -> tuple[int, list[Frame]]:
    """The line behind the stack that begins at a line, and its frames."""
    frames: list[Frame] = []
    while at < len(lines):
        found = _FRAME.match(lines[at][:_MAX_LINE])
        if found:
            frames.append(_frame(found))
        elif not _MORE.match(lines[at][:_MAX_LINE]):
            break
        at += 1
    return at, frames


def _frame(found: re.Match[str]) -> Frame:
    name = found["rest"].rstrip()
    source = _SOURCE.search(name)
    name = name[: source.start()] if source else name
    offset = _OFFSET.search(name)
    return Frame(
        function=values.text(name[: offset.start()] if offset else name),
        file=values.text(source["file"]) if source else None,
        line=int(source["line"]) or None if source else None,
        image=values.text(found["image"]),
        address=int(found["address"], 16),
        offset=int(offset["offset"]) if offset else None,
    )


def _fault(found: re.Match[str] | None, more: Sequence[str], frames: list[Frame], number: int) -> Fault:
    kind, message = (found["type"], found["message"]) if found else (None, None)
    text = "\n".join((message or "", *more)).strip()
    relation, parent = ("cause", number - 1) if number else (None, None)
    return Fault(values.text(kind), values.text(text), values.bounded(frames), relation, parent)
