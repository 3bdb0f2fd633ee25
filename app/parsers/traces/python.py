"""Python's tracebacks as text, with chained exceptions and exception groups.

Source: CPython 3.13 `traceback.TracebackException.format`. The cause or context stands above the exception that it
led to, the members of a group below it, behind a margin. They are causes of the group, as in Sentry's events.
Left out on purpose: source lines and the marks below them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

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
_IN_THREAD = re.compile(r".{0,200}?Exception in thread (?P<name>[^\n]{1,200}):$")
_REPEATED = re.compile(r"\[Previous line repeated (?P<count>\d{1,9}) more times?\]$")
_HEAD = re.compile(r"(?P<type>[^\W\d][\w.]{0,500})(?:: (?P<message>.*)|:?)$")
_LINKS = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)
_MEMBER = re.compile(r"[ \t]{0,200}(?:\+-)?(?P<bar>\+)-{5,40}(?: (?P<number>\d{1,9}|\.\.\.) -{5,40})?[ \t]*$")
_IS_OUTERMOST = re.compile(r"[ \t]{0,200}\+ Exception Group ")
_GUTTER = re.compile(r"[ \t]{0,200}[+|][ +|-]{0,200}")


@dataclass(slots=True)
class _Raised:
    """An exception, what led to it, and what it groups."""

    fault: Fault
    before: "_Raised | None" = None
    members: list["_Raised"] = field(default_factory=list)


@dataclass(slots=True)
class _Margin:
    """Exceptions of one margin, of which each led to the next."""

    column: int  # of the margin; -1: none
    group: _Raised | None = None  # whose member stands here
    first_line: int = 0
    thread: str | None = None
    last: _Raised | None = None
    is_linked: bool = False  # the words that link an exception to the next were read


def traces(lines: Sequence[str]) -> Iterator[Trace]:
    """The tracebacks, each with the exceptions that led to it and those that it groups as its causes."""
    blocks = [_Margin(-1)]
    at = 0
    while at < len(lines):
        line = lines[at]
        member = _MEMBER.match(line) if blocks[0].last and "+--" in line else None
        if member:
            _close(blocks, member.start("bar"))
            if member["number"]:
                blocks.append(_Margin(member.start("bar"), blocks[-1].last))
        elif _BEGIN in line:
            block = _block_of(blocks, line)
            if block.last and not block.is_linked and block is blocks[0]:
                yield _trace(block)
                block = blocks[0] = _Margin(-1)
            at = _add(block, lines, at)
            continue
        elif blocks[0].last:
            _look_at(blocks, line)
        at += 1
    _close(blocks, 0)
    if blocks[0].last:
        yield _trace(blocks[0])


def _block_of(blocks: list[_Margin], line: str) -> _Margin:
    """The block that a line belongs to; those further in are over."""
    gutter = None if _IS_OUTERMOST.match(line) else _GUTTER.match(line)
    _close(blocks, (_column(line) if gutter else -1) + 1)
    return blocks[-1]


def _close(blocks: list[_Margin], column: int) -> None:
    while len(blocks) > 1 and blocks[-1].column >= column:
        over = blocks.pop()
        if over.last and over.group:
            over.group.members.append(over.last)


def _column(line: str) -> int:
    return len(line) - len(line.lstrip())


def _add(block: _Margin, lines: Sequence[str], at: int) -> int:
    """Read the traceback that begins on the line; returns the line behind it."""
    behind, fault = _read(lines, at + 1)
    if fault:
        if block.last is None:
            block.first_line = at
            thread = _IN_THREAD.match(lines[at - 1][:_MAX_LINE].rstrip()) if at else None
            block.thread = values.text(thread["name"]) if thread else None
        elif not block.is_linked and block.group:  # a member without the line that parts it from the one before
            block.group.members.append(block.last)
            block.last = None
        block.last, block.is_linked = _Raised(fault, block.last), False
    return behind


def _look_at(blocks: list[_Margin], line: str) -> None:
    """A line between tracebacks: it links two, or is a member of a group that was never raised."""
    text = _bare(line)
    if text in _LINKS:
        _block_of(blocks, line).is_linked = True
    elif blocks[-1].group and blocks[-1].last is None and (found := _HEAD.match(text)):
        blocks[-1].last = _Raised(_fault(found["type"], found["message"], []))


def _trace(block: _Margin) -> Trace:
    """The exception that was raised last is the crash; members of a group tell more than what led to it."""
    faults: list[Fault] = []
    left: list[tuple[_Raised, int | None]] = [(block.last, None)] if block.last else []
    while left and len(faults) < _MAX_FAULTS:
        one, parent = left.pop()
        number = len(faults)
        faults.append(replace(one.fault, relation=None if parent is None else "cause", parent=parent))
        below = [*one.members[:_MAX_FAULTS], *([one.before] if one.before else [])]
        left += [(each, number) for each in reversed(below)]
    return Trace(block.first_line, tuple(faults), thread=block.thread)


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
        elif _BEGIN in text or _MEMBER.match(lines[at]):
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
