"""Stack traces as a language prints them into one text: `exception.stacktrace` of OpenTelemetry.

Source: MetricKit's call stack tree as JSON, also as opentelemetry-swift flattens it (StackTraceFormat.md, 2025). The modules
of `app.parsers.traces` and `app.parsers.java_stack` read the languages, with their sources. Here the text is one trace, so
that what stands above its first frame is type and message, whatever they are called.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from app.crashes.log import BinaryImage, Fault, Frame, Thread
from app.errors import MalformedLog
from app.parsers import apple_metrickit, java_stack, javascript_frames, printed_traces, values
from app.parsers.document import Document, load_json
from app.parsers.traces import dotnet, javascript

MAX_LINES = 20_000  # read of one trace

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
    "go": "go",
    "rust": "rust",
    "swift": "apple",
}
"""`telemetry.sdk.language` -> platform."""

_PLATFORMS = dict.fromkeys(one.PLATFORM for one in printed_traces.LANGUAGES)


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
    platform = LANGUAGES.get(language or "")
    if platform != "java" and any(java_stack.is_certain_frame(line) for line in lines):
        return _java(lines)
    for one in dict.fromkeys((platform, *_READERS)):
        found = _READERS[one](lines) if one in _READERS else PrintedStack(None)
        if found.has_frames and (one == platform or one != "java"):
            return found
    return PrintedStack(platform)


def _java(lines: list[str]) -> PrintedStack:
    if not any(java_stack.frame(line) for line in lines):  # frames without "at", as a thread's stack is joined
        lines = [lines[0], *(f"\tat {line.strip()}" for line in lines)] if lines else []
    faults, notes = java_stack.read_faults(lines) if lines else ([], [])
    return PrintedStack("java", tuple(faults), notes=tuple(notes))


def _javascript(lines: list[str]) -> PrintedStack:
    found = _first_trace("javascript", lines)
    if found.has_frames:
        return found
    kind, message = javascript.type_and_message(_above(lines, javascript_frames.frame))
    frames = [frame for line in lines if (frame := javascript_frames.frame(line))]
    return PrintedStack("javascript", (Fault(kind, message, values.bounded(frames)),))


def _csharp(lines: list[str]) -> PrintedStack:
    return PrintedStack("csharp", tuple(dotnet.read_exception(lines)))


def _above(lines: list[str], frame: Callable[[str], Frame | None]) -> str:
    first = next((at for at, line in enumerate(lines) if frame(line)), 0)
    return "\n".join(lines[:first]).strip()


def _first_trace(platform: str, lines: list[str]) -> PrintedStack:
    for language in printed_traces.LANGUAGES:
        trace = next(language.traces(lines), None) if platform == language.PLATFORM else None
        if trace:
            return PrintedStack(platform, trace.faults, images=trace.images, notes=trace.notes)
    return PrintedStack(None)


_READERS: dict[str, Callable[[list[str]], PrintedStack]] = {
    **{platform: partial(_first_trace, platform) for platform in _PLATFORMS},
    "javascript": _javascript,
    "csharp": _csharp,
    "java": _java,
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
