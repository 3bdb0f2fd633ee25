"""JavaScript stack traces as text: V8 (Node, Chrome, Hermes), JavaScriptCore and SpiderMonkey.

Source: V8's stack trace API (v8.dev/docs/stack-trace-api), Node 22's report of an uncaught error and its `[cause]`,
Hermes' `JSError`, JavaScriptCore's `Error.stack`, React Native's `JSStackTrace.format` (0.76), NativeScript 8.
Left out on purpose: Node's excerpt of the source and the properties of an error object.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from app.crashes.log import Fault, Frame
from app.parsers import values
from app.parsers.javascript_frames import EVAL_CODE, bare, frame, is_certain
from app.parsers.traces import Trace

PLATFORM = "javascript"
MARKS = (" at ", "\tat ", "\nat ", "@")

_MAX_LINE = 4_000  # characters of a line that are read
_MAX_FAULTS = 50
_MAX_PROPERTIES = 20  # lines of an error's properties between its stack and its cause
_MEMBERS = "[errors]: ["  # above those of an AggregateError
_MAX_HEAD_LINES = 20  # lines of a message between the type and the first frame
_LEAD = re.compile(
    r".{0,200}?\b(?:Uncaught|Unhandled ?[Pp]romise ?[Rr]ejection(?:Warning)?(?: \(id: \d{1,9}\))?:?|Unhandled [\w ]{1,40}:)"
    r" (?:\(in promise\) )?|.{0,200}?\[cause\]: "
)
_LEAD_WORDS = ("Uncaught", "Unhandled", "[cause]")
_HEAD = re.compile(r"[ \t]{0,40}(?P<type>[A-Za-z_$][\w$.]{0,200})(?: \[\w{1,100}\])?(?:: (?P<message>.*)|:)?$")
_LATER_HEAD = re.compile(  # behind words of a log
    r"(?<![\w.$])(?=[A-Z])(?:[\w$]{1,200}\.){0,9}[\w$]{0,200}(?:Error|Exception): "
)
_EXCERPT = re.compile(r"\n[^\n]{0,4000}\n[ \t]{0,4000}[\^~]{1,4000}[ \t]*$")  # Deno: of the source, and a mark below it
_CAUSE = re.compile(r"[ \t]{0,40}(?:\[cause\]: |Caused by: ?|caused by: ?)(?P<rest>.*)$")
COMPONENTS = "\n\nThis error is located at:"  # React's components
_STACK_MARKS = ("stack:", "Stack:", "StackTrace:")  # of React Native and NativeScript: the stack follows
_IS_ERROR = re.compile(r"(?:Error|Exception|Violation|Rejection|Warning)$")


def _head(text: str) -> re.Match[str] | None:
    """Type and message on a line, behind the words that say that nothing caught the error."""
    lead = _LEAD.match(text) if any(word in text for word in _LEAD_WORDS) else None
    return _HEAD.match(text[lead.end() :] if lead else text)


def type_and_message(head: str) -> tuple[str | None, str | None]:
    """Split what an error's toString gave; a text without a type is a message."""
    head = _EXCERPT.sub("", without_stack_mark(head.strip()))
    first, newline, rest = head.partition("\n")
    found = _head(first[:_MAX_LINE])
    if not found or not (found["message"] is not None or _IS_ERROR.search(found["type"])) or " " in found["type"]:
        return None, values.text(head)
    message = (found["message"] or "") + newline + rest
    kind = "Error" if found["type"] == "error" else found["type"]  # Bun's and Deno's word
    return values.text(kind), values.text(message.strip())


def components(text: str) -> str | None:
    """React's components that the error came from, in a note's words."""
    text = text.partition(COMPONENTS)[2].partition(", js engine:")[0].partition(", stack:")[0]
    named = [line.strip() for line in text.split("\n") if line.lstrip().startswith(("in ", "at "))][:20]
    return values.clean("React components: " + ", ".join(named)) if named else None


def without_stack_mark(text: str) -> str:
    """Without the words that say that the stack follows, and without the name of the engine."""
    bare = text.rstrip()
    mark = next((mark for mark in _STACK_MARKS if bare.endswith(mark)), None)
    if mark is None:
        return text
    bare = bare.removesuffix(mark).rstrip(" ,")
    head, engine, name = bare.rpartition(", js engine: ")
    return head if engine and name.isalnum() else bare


def has_stack_mark(line: str) -> bool:
    """True for a line that ends with the words that say that the stack follows."""
    return line.rstrip().endswith(_STACK_MARKS)


def traces(lines: Sequence[str]) -> Iterator[Trace]:
    """The errors that have a stack, with their causes."""
    at, end = 0, len(lines)
    behind = 0  # the line behind the trace before
    open_trace: _OpenTrace | None = None
    while at < end:
        line = lines[at]
        found = frame(line) if "at " in line or "@" in line or EVAL_CODE in line else None
        if found is None:
            at += 1
            continue
        while at > behind and bare(lines[at - 1]):
            at -= 1
        start = _head_above(lines, at, behind)
        later = _LATER_HEAD.search(lines[at - 1][:_MAX_LINE]) if start is None and at > behind else None
        start = at - 1 if later else start
        stop, frames = _stack(lines, at)
        if start is None or not (any(map(is_certain, frames)) or has_stack_mark(lines[at - 1])):
            at = behind = stop
            continue
        head = "\n".join(lines[start:at])[later.start() if later else 0 :]
        cause = _CAUSE.match(lines[start])
        said = components(head)
        kind, message = type_and_message(
            (cause["rest"] + head[len(lines[start]) :] if cause else head).partition(COMPONENTS)[0]
        )
        fault, indent = Fault(kind, message, values.bounded(frames)), _indent(lines[start])
        parent = open_trace.parent(indent, cause is not None, lines[behind:start]) if open_trace else None
        if open_trace and parent is not None:
            open_trace.add(replace(fault, relation="cause", parent=parent), indent)
        else:
            if open_trace:
                yield open_trace.whole()
            open_trace = _OpenTrace(start, [fault], [indent], (said,) if said else ())
        at = behind = stop
    if open_trace:
        yield open_trace.whole()


@dataclass(slots=True)
class _OpenTrace:
    """An error while its causes, and the members of an AggregateError, may still follow."""

    start: int
    faults: list[Fault]
    indents: list[int]  # of their heads
    notes: tuple[str, ...] = ()

    def whole(self) -> Trace:
        """The error with all that followed."""
        return Trace(self.start, tuple(self.faults), notes=self.notes)

    def add(self, fault: Fault, indent: int) -> None:
        """Take a cause or member."""
        if len(self.faults) < _MAX_FAULTS:
            self.faults.append(fault)
            self.indents.append(indent)

    def parent(self, indent: int, is_cause: bool, between: Sequence[str]) -> int | None:
        """The number of the error that one belongs to which begins behind some lines; None where it is another."""
        if len(between) > _MAX_PROPERTIES:
            return None
        around = (number for number in range(len(self.faults) - 1, -1, -1) if self.indents[number] < indent)
        if is_cause:
            return next(around, len(self.faults) - 1)
        is_member = any(line.rstrip().endswith(_MEMBERS) for line in between)
        is_next_member = indent > 0 and indent in self.indents[1:] and not any(map(_is_outermost, between))
        return next(around, None) if is_member or is_next_member else None


def _is_outermost(line: str) -> bool:
    return bool(line.strip()) and not line[0].isspace()


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _stack(lines: Sequence[str], at: int) -> tuple[int, list[Frame]]:
    """The line behind the stack that begins at a line, and its frames."""
    frames: list[Frame] = []
    blanks = 0
    while at < len(lines):
        found = frame(lines[at]) or bare(lines[at])
        if found:
            frames.append(found)
            blanks = 0
        elif lines[at].strip() or blanks:
            break
        else:
            blanks += 1  # one empty line: line ends were doubled
        at += 1
    return at - blanks, frames


def _head_above(lines: Sequence[str], at: int, behind: int) -> int | None:
    """The line of type and message above the first frame: the nearest that names an error, else the nearest of all."""
    nearest: int | None = None
    is_marked = has_stack_mark(lines[at - 1]) if at else False
    for number in range(at - 1, max(behind, at - 1 - _MAX_HEAD_LINES, 0) - 1, -1):
        text = lines[number][:_MAX_LINE].strip().removeprefix("[cause]: ")
        found = _head(text)
        if found and _IS_ERROR.search(found["type"]):
            return number
        if nearest is None and found and found["message"] is not None:
            nearest = number
        if number < at - 2 and not text and not is_marked:
            break
    return nearest
