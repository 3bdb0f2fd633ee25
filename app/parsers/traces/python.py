"""Python's tracebacks as text, with chained exceptions and exception groups.

Source: CPython 3.13 `traceback.TracebackException.format`. The cause or context stands above the exception that it
led to.
Left out on purpose: source lines and the marks below them, the members of a group after the first.
"""

import re
from collections.abc import Iterator, Sequence

from app.crashes.log import Fault, Frame
from app.parsers import values
from app.parsers.traces import Trace

PLATFORM = "python"
MARKS = ("Traceback (most recent call last)",)

_MAX_LINE = 4_000  # characters of a line that are read
_MAX_FAULTS = 50
_MAX_BETWEEN = 12  # lines between two frames: source, marks, notes
_BEGIN = "Traceback (most recent call last)"
_FRAME = re.compile(r'File "(?P<file>[^"]{0,2000})", line (?P<line>\d{1,9})(?:, in (?P<function>.*))?$')
_REPEATED = re.compile(r"\[Previous line repeated (?P<count>\d{1,9}) more times?\]$")
_HEAD = re.compile(r"(?P<type>[^\W\d][\w.]{0,500})(?:: (?P<message>.*)|:?)$")
_LINKS = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)
_GUTTER = re.compile(r"[ \t]{0,200}[+|][ +|-]{0,200}")


def traces(lines: Sequence[str]) -> Iterator[Trace]:
    """The tracebacks, each with the exceptions that led to it as its causes."""
    chain: list[Fault] = []
    first, at = 0, 0
    linked = False
    while at < len(lines):
        line = lines[at]
        if _BEGIN in line:
            if chain and not linked:
                yield _trace(first, chain)
                chain = []
            first = at if not chain else first
            at, fault = _read(lines, at + 1)
            chain += [fault] if fault else []
            linked = False
        elif chain and _bare(line) in _LINKS:
            linked = True
            at += 1
        else:
            at += 1
    if chain:
        yield _trace(first, chain)


def _trace(first: int, chain: list[Fault]) -> Trace:
    """The exception that was raised last is the crash, those before it are its causes."""
    faults = []
    for number, fault in enumerate(chain[::-1][:_MAX_FAULTS]):
        relation, parent = ("cause", number - 1) if number else (None, None)
        faults.append(Fault(fault.type, fault.message, fault.frames, relation, parent))
    return Trace(first, tuple(faults))


def _bare(line: str) -> str:
    """Without the gutter of an exception group."""
    gutter = _GUTTER.match(line)
    return line[gutter.end() if gutter else 0 :][:_MAX_LINE].strip()


def _read(lines: Sequence[str], at: int) -> tuple[int, Fault | None]:
    """The line behind a traceback and its exception; None where the traceback is cut before its first frame."""
    frames: list[Frame] = []
    between = 0
    margin: int | None = None
    while at < len(lines) and between <= _MAX_BETWEEN:
        text = _bare(lines[at])
        found, again = _FRAME.match(text), _REPEATED.match(text)
        if found:
            frames.append(_frame(found))
            margin = _indent(lines[at])
            between = 0
        elif again and frames:
            frames += [frames[-1]] * min(int(again["count"]), values.MAX_FRAMES)
        elif _BEGIN in text:
            break
        elif margin is not None and text and _indent(lines[at]) < margin:
            return _ended(lines, at, frames)
        else:
            between += 1
        at += 1
    return at, _fault(None, None, frames) if frames else None


def _frame(found: re.Match[str]) -> Frame:
    return Frame(
        function=values.text(found["function"]), file=values.text(found["file"]), line=int(found["line"]) or None
    )


def _indent(line: str) -> int:
    gutter = _GUTTER.match(line)
    rest = line[gutter.end() if gutter else 0 :]
    return (gutter.end() if gutter else 0) + len(rest) - len(rest.lstrip())


def _ended(lines: Sequence[str], at: int, frames: list[Frame]) -> tuple[int, Fault]:
    """Type and message below the frames."""
    found = _HEAD.match(_bare(lines[at]))
    if not found:
        return at, _fault(None, None, frames)
    return at + 1, _fault(found["type"], found["message"], frames)


def _fault(kind: str | None, message: str | None, frames: list[Frame]) -> Fault:
    return Fault(values.text(kind), values.text(message), values.bounded(frames[::-1]))
