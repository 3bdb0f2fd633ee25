"""Backtraces that Swift programs print when they crash.

Source: Swift 6.0 `stdlib/public/libexec/swift-backtrace` ("Program crashed:", "Thread 0 crashed:"), its 5.9 form with
stars, and the standard library's own "Fatal error:" with the "Current stack trace:" of 5.x on Linux.
Left out on purpose: source excerpts, registers, images and other threads.
"""

import re
from collections.abc import Iterator, Sequence

from app.crashes.log import Fault, Frame
from app.parsers import values
from app.parsers.traces import Trace

PLATFORM = "swift"
MARKS = ("rogram crashed: ", "Current stack trace:", ".swift:", ".swift, line ")

_MAX_LINE = 4_000  # characters of a line that are read
_MAX_HEAD_LINES = 20
_MAX_BETWEEN = 20  # lines of source between two frames
_CRASHED = re.compile(r".{0,40}?Program crashed: (?P<what>.*?)(?: \*\*\*)?$")
_THREAD = re.compile(
    r"[ \t]{0,40}Thread (?P<number>\d{1,9})(?: (?:\"(?P<name>[^\"]{1,200})\"|(?P<bare>[^:]{1,200}?)))? crashed:?[ \t]*$"
)
_ANY_THREAD = re.compile(
    r"[ \t]{0,40}(?:Thread \d{1,9}\b.{0,200}:|Registers:|Images .{0,100}:|Backtrace took .*)[ \t]*$"
)
_FATAL = re.compile(r"(?P<type>Fatal error|Precondition failed|Assertion failed)(?:: (?P<message>.*))?$")
_FATAL_AT = re.compile(
    r"(?:[^\"{]{0,200}?[\s\]])??(?P<file>[^\s\"{]{1,1000}\.swift):(?P<line>\d{1,9}): (?=Fatal|Precond|Assert)"
)
_FILE_BEHIND = re.compile(r": file (?P<file>\S{1,1000}\.swift), line (?P<line>\d{1,9})$")
_FRAME = re.compile(
    r"[ \t]{0,40}(?P<number>\d{1,6})(?: {1,20}\[(?P<kind>[\w, ]{1,40})\])*(?: {1,20}(?P<address>0x[0-9a-f]{1,16}))?"
    r" (?P<rest>\S.*)$"
)
_SOURCE = re.compile(r"(?P<name>.*) at (?P<file>(?:[\\/]|[A-Za-z]:).*?):(?P<line>\d{1,9})(?::(?P<column>\d{1,9}))?$")
_OFFSET = re.compile(
    r"(?P<name>.*) \+ (?P<offset>\d{1,15})(?: in (?P<image>.{1,400}?)(?: at (?P<file>[\\/].{1,1000}))?)?$"
)
_OLD_FRAME = re.compile(
    r"\d{1,6} {2,40}(?P<image>\S{1,200}) {1,40}(?P<address>0x[0-9a-f]{1,16}) (?P<name>.*?)(?: \+ (?P<offset>\d{1,15}))?$"
)
_BAD_ADDRESS = re.compile(r"(?P<what>.*?) at (?P<address>0x[0-9a-fA-F]{1,16})$")


def traces(lines: Sequence[str]) -> Iterator[Trace]:
    """The crashes, with the stack of the crashed thread."""
    for at, line in enumerate(lines):
        crashed = _CRASHED.match(line[:_MAX_LINE]) if "rogram crashed: " in line else None
        if crashed:
            yield _read(lines, at, crashed)
        elif "Current stack trace:" in line:
            frames = _old_frames(lines, at + 1)
            said = _fatal_above(lines, at)
            if frames and said is not None:
                yield Trace(said, (_fatal(lines[said], frames),))
        elif ".swift" in line and (place := _place_of_fatal(line[:_MAX_LINE].rstrip())) and not _is_followed(lines, at):
            of_library = False if place["file"].startswith("Swift/") else None
            frame = Frame(file=values.text(place["file"]), line=int(place["line"]) or None, in_app=of_library)
            yield Trace(at, (_fatal(line, [frame]),))


def _place_of_fatal(line: str) -> re.Match[str] | None:
    """Where the standard library's message says that it stopped the program."""
    return _FATAL_AT.match(line) or (_FILE_BEHIND.search(line) if _FATAL.search(line) else None)


def _is_followed(lines: Sequence[str], at: int) -> bool:
    """True where a backtrace of the same crash stands below."""
    below = lines[at + 1 : at + 1 + _MAX_HEAD_LINES]
    return any("rogram crashed: " in line or "Current stack trace:" in line for line in below)


def _read(lines: Sequence[str], at: int, crashed: re.Match[str]) -> Trace:
    thread, frames = None, []
    between = 0
    for number in range(at + 1, len(lines)):
        text = lines[number][:_MAX_LINE].rstrip()
        head = _THREAD.match(text)
        if head and thread is None:
            thread, between = head["name"] or head["bare"] or f"Thread {head['number']}", 0
        elif _ANY_THREAD.match(text) and thread is not None:
            break
        elif frame := (_frame(text) if thread is not None else None):
            frames.append(frame)
            between = 0
        elif between > _MAX_BETWEEN or "rogram crashed: " in text:
            break
        else:
            between += 1
    said = _fatal_above(lines, at)
    if said is not None:
        return Trace(said, (_fatal(lines[said], frames),), thread=thread)
    where = _BAD_ADDRESS.match(crashed["what"])
    fault = Fault(
        type=values.text(where["what"] if where else crashed["what"]),
        frames=values.bounded(frames),
        code=f"at {where['address']}" if where else None,
        handled=False,
        mechanism="signal",
    )
    return Trace(at, (fault,), thread=thread)


def _fatal_above(lines: Sequence[str], at: int) -> int | None:
    """The line of the standard library's message, which stands above the backtrace."""
    return next(
        (n for n in range(at - 1, max(at - _MAX_HEAD_LINES, 0) - 1, -1) if _FATAL.search(lines[n][:_MAX_LINE])), None
    )


def _fatal(line: str, frames: list[Frame]) -> Fault:
    found = _FATAL.search(_FILE_BEHIND.sub("", line[:_MAX_LINE].rstrip()))
    return Fault(
        type=found["type"] if found else None, message=values.text(found["message"]) if found else None,
        frames=values.bounded(frames), handled=False, mechanism="trap",
    )  # fmt: skip


def _frame(text: str) -> Frame | None:
    found = _FRAME.match(text)
    if not found or "│" in text[:40]:
        return None
    rest = found["rest"].strip()
    source = _SOURCE.match(rest)
    name = source["name"] if source else rest
    offset = _OFFSET.match(name)
    image = offset["image"] if offset else None
    if not offset and not source and not found["address"]:
        return None
    if offset is None and " in " in name:  # no offset where a function is inlined
        name, _, image = name.rpartition(" in ")
    kind = found["kind"]
    return Frame(
        function=values.text(offset["name"] if offset else name),
        file=values.text(source["file"] if source else offset["file"] if offset else None),
        line=int(source["line"]) or None if source else None,
        column=int(source["column"] or 0) or None if source else None,
        image=values.text(image),
        address=values.address(found["address"]),
        offset=int(offset["offset"]) if offset else None,
        in_app=False if kind and "system" in kind else None,
        note="inlined" if kind and "inlined" in kind else None,
    )


def _old_frames(lines: Sequence[str], at: int) -> list[Frame]:
    frames: list[Frame] = []
    while at < len(lines) and len(frames) < values.MAX_FRAMES:
        found = _old_frame(lines[at])
        if found:
            frames.append(found)
        elif lines[at].strip():
            break
        at += 1
    return frames


def _old_frame(text: str) -> Frame | None:
    found = _OLD_FRAME.match(text[:_MAX_LINE].strip())
    if not found:
        return None
    return Frame(
        function=values.text(found["name"]), image=values.text(found["image"]), address=values.address(found["address"]),
        offset=int(found["offset"]) if found["offset"] else None,
    )  # fmt: skip
