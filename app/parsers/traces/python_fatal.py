"""What Python prints when its process ends by a signal or by an error of the interpreter.

Source: CPython 3.13 `faulthandler` and `_Py_FatalError` (Python/traceback.c, Python/pylifecycle.c), 3.14 with names of
threads. The frames stand innermost first.
Left out on purpose: other threads, the list of extension modules.
"""

import re
from collections.abc import Iterator, Sequence

from app.crashes.log import Fault, Frame
from app.parsers import values
from app.parsers.traces import Trace

PLATFORM = "python"
MARKS = ("Fatal Python error: ", "Windows fatal exception: ")

_MAX_LINE = 4_000  # characters of a line that are read
_MAX_BETWEEN = 2_000  # lines between the error and its stack: other threads stand there
_HEAD = re.compile(r".{0,200}?(?P<type>Fatal Python error|Windows fatal exception): (?P<message>.*)$")
_THREAD = re.compile(
    r"[ \t]{0,40}Current thread 0x[0-9a-f]{1,16}(?: \[(?P<name>.{1,200})\])? \(most recent call first\):$"
)
_FRAME = re.compile(
    r'[ \t]{0,40}File "(?P<file>[^"]{0,2000})", line (?P<line>\d{1,9}|\?\?\?) in (?P<function>.{1,1000})$'
)


def traces(lines: Sequence[str]) -> Iterator[Trace]:
    """The errors, with the stack of the thread that had them."""
    for at, line in enumerate(lines):
        head = _HEAD.match(line[:_MAX_LINE])
        below = range(at + 1, min(at + 1 + _MAX_BETWEEN, len(lines))) if head else ()
        for number in below:
            thread = _THREAD.match(lines[number][:_MAX_LINE].rstrip())
            if head and thread:
                yield Trace(at, (_fault(head, _stack(lines, number + 1)),), thread=values.text(thread["name"]))
                break


def _stack(lines: Sequence[str], at: int) -> list[Frame]:
    frames = []
    while at < len(lines) and (found := _FRAME.match(lines[at][:_MAX_LINE].rstrip())):
        line = int(found["line"]) if found["line"].isdecimal() else 0
        frames.append(
            Frame(function=values.text(found["function"]), file=values.text(found["file"]), line=line or None)
        )
        at += 1
    return frames


def _fault(head: re.Match[str], frames: list[Frame]) -> Fault:
    return Fault(
        values.text(head["type"]),
        values.text(head["message"]),
        values.bounded(frames),
        handled=False,
        mechanism="signal",
    )
