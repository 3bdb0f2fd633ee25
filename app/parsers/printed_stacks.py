"""Stack traces as a language prints them into one text: `exception.stacktrace` of OpenTelemetry.

Source: CPython 3.12 `traceback`; V8's, SpiderMonkey's and JavaScriptCore's `Error.stack`; .NET 8 `Exception.ToString`; Dart
3 `StackTrace.toString`; MetricKit's call stack tree as JSON, also as opentelemetry-swift flattens it (StackTraceFormat.md,
2025). `app.parsers.java_stack` reads Java's. Left out on purpose: source lines, exception groups of Python, argument types.
"""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from app.crashes.log import BinaryImage, Fault, Frame, Thread
from app.errors import MalformedLog
from app.parsers import apple_metrickit, java_stack, values
from app.parsers.document import Document, load_json

MAX_LINES = 20_000  # read of one trace
MAX_FAULTS = 50  # exceptions kept of one trace

_PYTHON_FRAME = re.compile(r'[ \t]*File "(?P<file>[^"]+)", line (?P<line>\d{1,9})(?:, in (?P<function>\S.*))?$')
_PYTHON_ERROR = re.compile(r"(?P<type>[^\W\d][\w.]*)(?::[ \t](?P<message>.*))?$")
_PYTHON_BEGIN = "Traceback (most recent call last):"
_PYTHON_LINKS = ("The above exception was the direct cause", "During handling of the above exception")
_DART_FRAME = re.compile(r"#\d{1,6} +(?P<function>\S.*)$")
_PLACE = re.compile(r"(?P<file>.*?\S):(?P<line>\d{1,9})(?::(?P<column>\d{1,9}))?$")
_LOOKS = 200  # lines that tell the language
LANGUAGES = {
    "java": "java",
    "kotlin": "java",
    "android": "java",
    "python": "python",
    "nodejs": "javascript",
    "webjs": "javascript",
    "javascript": "javascript",
    "dotnet": "csharp",
    "dart": "dart",
    "flutter": "dart",
    "swift": "apple",
}
"""`telemetry.sdk.language` -> platform."""


class PrintedStack(NamedTuple):
    """What a trace tells."""

    platform: str | None  # None: it is of no language that is read
    faults: tuple[Fault, ...] = ()  # outermost first
    threads: tuple[Thread, ...] = ()
    images: tuple[BinaryImage, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def has_frames(self) -> bool:
        """False for a trace of which no line is known as a frame."""
        return any(one.frames for one in self.faults) or any(one.frames for one in self.threads)


def read_printed(text: str, language: str | None = None) -> PrintedStack:
    """Read a trace in the language that its sender names, else in the one that it looks like."""
    if text.lstrip().startswith("{"):
        return _tree(text)
    lines = text.splitlines()[:MAX_LINES]
    told = LANGUAGES.get(language or "")
    for platform in dict.fromkeys(one for one in (told, _look(lines)) if one in _READERS):
        found = _READERS[platform](lines)
        if found.has_frames:
            return found
    return PrintedStack(told)


def _look(lines: list[str]) -> str | None:
    for line in lines[:_LOOKS]:
        if line.startswith(_PYTHON_BEGIN) or _PYTHON_FRAME.match(line):
            return "python"
        if java_stack.is_certain_frame(line):
            return "java"
        if _DART_FRAME.match(line):
            return "dart"
        if line.lstrip().startswith("at ") and (":line " in line or line.rstrip().endswith(")")) and "(" in line:
            if _script_frame(line) is None:
                return "csharp"
            return "javascript"
        if _script_frame(line):
            return "javascript"
    return None


def _java(lines: list[str]) -> PrintedStack:
    if not any(java_stack.frame(line) for line in lines):  # frames without "at", as a thread's stack is joined
        lines = [lines[0], *(f"\tat {line.strip()}" for line in lines)] if lines else []
    faults, notes = java_stack.read_faults(lines) if lines else ([], [])
    return PrintedStack("java", tuple(faults), notes=tuple(notes))


def _python(lines: list[str]) -> PrintedStack:
    faults: list[Fault] = []
    frames: list[Frame] = []
    error: list[str] = []  # the lines of the exception, once its frames are over
    for line in [*lines, _PYTHON_BEGIN]:
        frame = _PYTHON_FRAME.match(line)
        if line.startswith(_PYTHON_BEGIN):
            if frames or error:
                faults.append(_python_fault(error, frames))
            frames, error = [], []
        elif frame and not error:
            name = values.text(frame["function"])
            frames.append(Frame(function=name, file=values.text(frame["file"]), line=int(frame["line"]) or None))
        elif error or (line and not line[0].isspace()):
            error.append(line)
    faults = faults[::-1][:MAX_FAULTS]
    return PrintedStack("python", tuple(_chained(faults)))


def _python_fault(lines: list[str], frames: list[Frame]) -> Fault:
    told = [line for line in lines if not line.startswith(_PYTHON_LINKS)]
    named = _PYTHON_ERROR.match(told[0]) if told else None
    message = "\n".join([named["message"] or "" if named else told[0], *told[1:]]).strip() if told else ""
    return Fault(
        type=values.text(named["type"]) if named else None,
        message=values.text(message),
        frames=values.bounded(frames[::-1]),
    )


def _chained(faults: list[Fault]) -> list[Fault]:
    """Each fault after the first is the cause of the one before."""
    return [replace(one, relation="cause", parent=at - 1) if at else one for at, one in enumerate(faults)]


def _javascript(lines: list[str]) -> PrintedStack:
    frames = [frame for line in lines if (frame := _script_frame(line))]
    head = lines[0].strip() if lines and _script_frame(lines[0]) is None else ""
    kind, message = java_stack.type_and_message(head) if head else (None, None)
    return PrintedStack("javascript", (Fault(values.text(kind), values.text(message), values.bounded(frames)),))


def _script_frame(line: str) -> Frame | None:
    """`at name (file:1:2)` and `at file:1:2` of V8, `name@file:1:2` of the others."""
    text = line.strip()
    if text.startswith("at "):
        text = text[3:].removeprefix("async ")
        name, place = _name_and_place(text)
    else:
        name, at, place = text.partition("@")
        if not at or " " in name:
            return None
    found = _PLACE.match(place)
    if not found or not found["column"]:
        return None
    return Frame(
        function=values.text(name.strip()),
        file=values.text(found["file"]),
        line=int(found["line"]) or None,
        column=int(found["column"]) or None,
    )


def _name_and_place(text: str) -> tuple[str, str]:
    """The two of `name (place)`; without a name, `place` alone."""
    start = text.rfind("(")
    return (text[:start].rstrip(), text[start + 1 : -1]) if start >= 0 and text.endswith(")") else ("", text)


def _csharp(lines: list[str]) -> PrintedStack:
    """The inner exception's frames stand before those of the one around it."""
    faults: list[Fault] = []
    stacks: list[list[Frame]] = []
    opened: list[int] = []
    for line in lines:
        text = line.strip()
        if text.startswith("--- End of inner exception"):
            opened = opened[:-1] or opened
        elif text.startswith("at ") and opened:
            stacks[opened[-1]].append(_csharp_frame(text[3:]))
        elif text and (not faults or text.startswith("---> ")) and len(faults) < MAX_FAULTS:
            kind, message = java_stack.type_and_message(text.removeprefix("---> "))
            parent = opened[-1] if opened else None
            relation = None if parent is None else "cause"
            opened.append(len(faults))
            faults.append(Fault(values.text(kind), values.text(message), relation=relation, parent=parent))
            stacks.append([])
    pairs = zip(faults, stacks, strict=True)
    return PrintedStack("csharp", tuple(replace(fault, frames=values.bounded(stack)) for fault, stack in pairs))


def _csharp_frame(text: str) -> Frame:
    call, _, place = text.partition(") in ")
    module, _, function = call.partition("(")[0].strip().rpartition(".")
    file, _, line = place.rpartition(":line ")
    return Frame(
        function=values.text(function),
        module=values.text(module),
        file=values.text(file),
        line=values.integer(line) or None,
    )


def _dart(lines: list[str]) -> PrintedStack:
    frames = []
    for line in lines:
        found = _DART_FRAME.match(line.strip())
        if found:
            name, place = _name_and_place(found["function"])
            where = _PLACE.match(place)
            frames.append(
                Frame(
                    function=values.text(name),
                    file=values.text(where["file"] if where else place),
                    line=int(where["line"]) or None if where else None,
                    column=int(where["column"] or 0) or None if where else None,
                )
            )
    return PrintedStack("dart", (Fault(frames=values.bounded(frames)),))


_READERS: dict[str, Callable[[list[str]], PrintedStack]] = {
    "java": _java,
    "python": _python,
    "javascript": _javascript,
    "csharp": _csharp,
    "dart": _dart,
}


def _tree(text: str) -> PrintedStack:
    value, _ = load_json(text)
    tree = values.mapping(values.mapping(value).get("callStackTree")) or values.mapping(value)
    stacks = [values.mapping(stack) for stack in values.items(tree.get("callStacks"))]
    if any("callStackFrames" in stack for stack in stacks):
        return _flat_tree(stacks)
    try:
        [log] = apple_metrickit.parse(Document(json.dumps(tree).encode()))
    except MalformedLog:
        return PrintedStack(None)
    return PrintedStack("apple", threads=log.threads, images=log.images, notes=log.notes[1:])


def _flat_tree(stacks: list[dict[str, Any]]) -> PrintedStack:
    """Stacks as lists of frames; addresses count from the start of an image."""
    threads: list[Thread] = []
    images: dict[tuple[str | None, str | None], BinaryImage] = {}
    for index, stack in enumerate(stacks):
        frames = []
        for entry in map(values.mapping, values.items(stack.get("callStackFrames"))):
            name, offset = values.basename(entry.get("binaryName")), values.address(entry.get("offsetAddress"))
            frames.append(Frame(image=name, address=offset, image_address=0, offset=offset))
            debug_id = values.text(entry.get("binaryUUID"))
            if name or debug_id:
                images.setdefault((name, debug_id), BinaryImage(name=name, debug_id=debug_id))
        is_crashed = stack.get("threadAttributed") is True or len(stacks) == 1
        threads.append(Thread(index=index, is_crashed=is_crashed, frames=values.bounded(frames)))
    return PrintedStack("apple", threads=tuple(threads), images=tuple(images.values()))
