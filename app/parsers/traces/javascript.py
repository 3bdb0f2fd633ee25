"""JavaScript stack traces as text: V8 (Node, Chrome, Hermes), JavaScriptCore and SpiderMonkey.

Source: V8's stack trace API (v8.dev/docs/stack-trace-api), Node 22's report of an uncaught error and its `[cause]`,
Hermes' `JSError`, JavaScriptCore's `Error.stack`, React Native's `JSStackTrace.format` (0.76), NativeScript 8.
Left out on purpose: Node's excerpt of the source and the properties of an error object.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from app.crashes.log import Fault, Frame
from app.parsers import values
from app.parsers.traces import Trace

PLATFORM = "javascript"
MARKS = (" at ", "\tat ", "\nat ", "@")

_MAX_LINE = 4_000  # characters of a line that are read
_MAX_DIGITS = 11  # of a line or column
_MAX_WORDS = 4  # of a function's name
_MAX_FAULTS = 50
_MAX_PROPERTIES = 20  # lines of an error's properties between its stack and its cause
_MEMBERS = "[errors]: ["  # above those of an AggregateError
_MAX_HEAD_LINES = 20  # lines of a message between the type and the first frame
_AT_PLACE = re.compile(r"(?:(?!-?\d{1,9}(?::|$))(?P<file>[^\s@]+?):)?(?P<line>-?\d{1,9})(?::(?P<column>-?\d{1,9}))?$")
_CALL = re.compile(  # what most lines of V8 are: only what needs no second look
    r"(?!eval at )(?P<name>[^()]{1,1000}) \((?!eval at |address at )(?P<file>[^()\s]{0,2000}[^()\s\d]):(?P<line>[0-9]{1,9})"
    r":(?P<column>[0-9]{1,9})\)"
)
_KNOWN_PLACES = ("<anonymous>", "native", "[native code]")
_OTHER_SOURCES = (".rs", ".swift", ".dart", ".cs", ".java", ".kt", ".go")  # a bare place below another language's call
_ASYNC_CAUSE = re.compile(r"[A-Za-z][\w. ]{0,100}(?:\*[A-Za-z][\w. ]{0,100}){0,9}$")
_WASM = re.compile(r"(?P<file>\S{1,1000}?):(?P<place>wasm-function\[\d{1,9}\]:0x[0-9a-f]{1,16})$")
_INDEX = re.compile(r"index \d{1,9}$")  # of Promise.all
_EVAL_CODE = "eval code"  # JavaScriptCore tells no place of it
_GECKO_EVAL = re.compile(r" line (?P<place>\d{1,9}) > (?:eval|Function)\b.*$")
_EVAL = re.compile(r"eval at [^(]{0,1000}\((?P<place>[^()]{1,2000})\)")
_LEAD = re.compile(
    r".{0,200}?\b(?:Uncaught|Unhandled [\w ]{1,40}:|Unhandled JS Exception:) (?:\(in promise\) )?|.{0,200}?\[cause\]: "
)
_LEAD_WORDS = ("Uncaught", "Unhandled", "[cause]")
_HEAD = re.compile(r"[ \t]{0,40}(?P<type>[A-Za-z_$][\w$.]{0,200})(?: \[\w{1,100}\])?(?:: (?P<message>.*)|:)?$")
_LATER_HEAD = re.compile(  # behind words of a log
    r"(?<![\w.$])(?=[A-Z])(?:[\w$]{1,200}\.){0,9}[\w$]{0,200}(?:Error|Exception): "
)
_CAUSE = re.compile(r"[ \t]{0,40}(?:\[cause\]: |Caused by: ?|caused by: ?)(?P<rest>.*)$")
COMPONENTS = "\n\nThis error is located at:"  # React's components
_STACK_MARKS = ("stack:", "Stack:", "StackTrace:")  # of React Native and NativeScript: the stack follows
_IS_ERROR = re.compile(r"(?:Error|Exception|Violation|Rejection|Warning)$")


def _head(text: str) -> re.Match[str] | None:
    """Type and message on a line, behind the words that say that nothing caught the error."""
    lead = _LEAD.match(text) if any(word in text for word in _LEAD_WORDS) else None
    return _HEAD.match(text[lead.end() :] if lead else text)


@lru_cache(maxsize=8_192)  # a line is looked at when its trace is found and when it is read, and logs repeat themselves
def frame(line: str) -> Frame | None:
    """The frame on the line, in V8's form (`at pay (cart.js:7:12)`) or JavaScriptCore's (`pay@cart.js:7:12`); else None."""
    # Node prints the error's properties behind its last frame, and members of an AggregateError as a list.
    text = line[:_MAX_LINE].strip().removesuffix(" {").removesuffix(",")
    if "(file:" in text and text.endswith(")"):
        return _native_script(text)
    if text.startswith("at "):
        return _v8(text[3:])
    return _jsc(text) if "@" in text or text in ("[native code]", _EVAL_CODE) else None


def _v8(text: str) -> Frame | None:
    if text.startswith("async "):
        found = _v8(text.removeprefix("async "))
        return replace(found, note="async") if found else None
    if call := _CALL.fullmatch(text):
        name, file, line, column = call.groups()
        return _made(name, file, int(line), int(column))
    if not text.endswith(")"):
        place = _place(text)
        if wasm := _WASM.match(text):
            return Frame(file=values.text(wasm["file"]), note=wasm["place"])
        return _made(None, *place) if place and "(" not in text and not place[0].endswith(_OTHER_SOURCES) else None
    name, bracket, place_text = f" {text[:-1]}".partition(" (")
    if not bracket:
        return None
    is_eval = _EVAL.match(place_text) if place_text.startswith("eval at ") else None
    place_text = is_eval["place"] if is_eval else place_text.removeprefix("address at ")
    place = _place(place_text)
    if place:
        return _made(name, *place)
    if wasm := _WASM.match(place_text):
        return Frame(function=values.text(name.strip()), file=values.text(wasm["file"]), note=wasm["place"])
    if place_text in _KNOWN_PLACES or _INDEX.match(place_text):
        return Frame(
            function=values.text(name.strip()), file=place_text if place_text in _KNOWN_PLACES else None, in_app=False
        )
    return None


def _native_script(text: str) -> Frame | None:
    name, _, place_text = text[:-1].removeprefix("at ").partition("(file:")
    place = _place(place_text.strip() if place_text[:1] == " " else f"file:{place_text}")
    return _made(name, *place) if place and len(name.split()) <= _MAX_WORDS else None


def _jsc(text: str) -> Frame | None:
    if text == _EVAL_CODE:
        return Frame(function=text, in_app=False)
    name, _, place_text = text.rpartition("@")
    place_text = _GECKO_EVAL.sub(r":\g<place>", place_text)
    if "[native code]" in (name, text):
        return Frame(file="[native code]", in_app=False)
    if "*" in name or name.startswith("async "):  # SpiderMonkey tells what called an asynchronous function: async*pay
        cause, _, name = name.rpartition("*") if "*" in name else ("async", "", name.removeprefix("async "))
        found = _jsc(f"{name}@{place_text}") if _ASYNC_CAUSE.match(cause) else None
        return replace(found, note=cause) if found else None
    if place_text == "[native code]":
        return Frame(function=values.text(name), file=place_text, in_app=False)
    place = _AT_PLACE.match(place_text.removeprefix("address at "))
    if not place or len(name.split()) > _MAX_WORDS:
        return None
    if place["file"] == "[native code]":
        return Frame(function=values.text(name), file=place["file"], in_app=False)
    return _made(name, place["file"], int(place["line"]), int(place["column"] or 0))


def _place(text: str) -> tuple[str, int, int] | None:
    """File, line and column of `file:line:column`."""
    file, *numbers = text.rsplit(":", 2)
    if len(numbers) != 2 or not file or file.isdecimal():
        return None
    if not all(number.removeprefix("-").isdecimal() and len(number) < _MAX_DIGITS for number in numbers):
        return None
    return file, int(numbers[0]), int(numbers[1])


def _made(name: str | None, file: str | None, line: int, column: int) -> Frame:
    return Frame(
        function=values.text((name or "").strip()),
        file=values.text(file),
        line=line if line > 0 else None,
        column=column if column > 0 else None,
    )


def type_and_message(head: str) -> tuple[str | None, str | None]:
    """Split what an error's toString gave; a text without a type is a message."""
    head = without_stack_mark(head.strip())
    first, newline, rest = head.partition("\n")
    found = _head(first[:_MAX_LINE])
    if not found or not (found["message"] is not None or _IS_ERROR.search(found["type"])) or " " in found["type"]:
        return None, values.text(head)
    message = (found["message"] or "") + newline + rest
    return values.text(found["type"]), values.text(message.strip())


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


def is_certain(found: Frame) -> bool:
    """True for a frame with file, line and column."""
    return found.file is not None and found.line is not None and found.column is not None


def traces(lines: Sequence[str]) -> Iterator[Trace]:
    """The errors that have a stack, with their causes."""
    at, end = 0, len(lines)
    behind = 0  # the line behind the trace before
    open_trace: _OpenTrace | None = None
    while at < end:
        line = lines[at]
        found = frame(line) if "at " in line or "@" in line or _EVAL_CODE in line else None
        if found is None:
            at += 1
            continue
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
        found = frame(lines[at])
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
