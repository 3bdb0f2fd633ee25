"""Panics of Rust programs with the backtrace of `RUST_BACKTRACE=1`.

Source: Rust 1.83 `std/src/panicking.rs` (default_hook; since 1.73 the message has a line of its own) and
`std/src/sys/backtrace.rs`; color-eyre 0.6. Frames of the standard library, which are built below `/rustc/`, are marked as not the
app's.
"""

import re
from collections.abc import Iterator, Sequence

from app.crashes.log import Fault, Frame
from app.parsers import values
from app.parsers.traces import Trace

PLATFORM = "rust"
MARKS = ("panicked at ", "The application panicked (crashed).")

_MAX_LINE = 4_000  # characters of a line that are read
_MAX_MESSAGE_LINES = 40
_PANIC = re.compile(r"(?:.{0,400}? )?thread '(?P<thread>[^']{0,200})'(?: \(\d{1,18}\))? panicked at (?P<rest>.*)$")
_OLD_PANIC = re.compile(r"'(?P<message>.*)'(?:,|:) (?P<place>[^']{1,2000}:\d{1,9}(?::\d{1,9})?)$")
_PLACE = re.compile(r"(?P<file>\S.*?):(?P<line>\d{1,9})(?::(?P<column>\d{1,9}))?:?$")
_CALL = re.compile(r"[ \t]{0,40}\d{1,6}: {1,8}(?:(?P<address>0x[0-9a-f]{1,16}) - )?(?P<name>\S.*)$")
_FIRST_CALL = re.compile(r"[ \t]{1,40}0: {1,8}\S")  # hooks print no heading
_AT = re.compile(r"[ \t]{1,200}at (?P<place>.*)$")
_NOT_OWN = ("std::", "core::", "alloc::", "<alloc::", "<core::", "<std::", "rust_begin_unwind", "__rust_", "_rust_", "rust_panic",
            "__libc_start", "start_thread", "test::")  # fmt: skip
_ENTRIES = ("main", "_main", "_start", "__clone", "clone", "clone3", "<unknown>")
_FOREIGN_FILES = ("/rustc/", "/.cargo/registry/", "/.cargo/git/", "\\.cargo\\registry\\")
_STANDARD_FILES = ("library/core/", "library/std/", "library/alloc/")  # where paths are shortened


def traces(lines: Sequence[str]) -> Iterator[Trace]:
    """The panics. One without a backtrace has the place of the panic as its only frame."""
    for at, line in enumerate(lines):
        panic = _PANIC.match(line[:_MAX_LINE]) if "panicked at " in line else None
        if panic:
            yield _read(lines, at, panic)
        elif line.rstrip().endswith(MARKS[1]):
            yield _read_eyre(lines, at)


def _read_eyre(lines: Sequence[str], at: int) -> Trace:
    """The panic as color-eyre prints it."""
    below = [text[:_MAX_LINE] for text in lines[at + 1 : at + 1 + _MAX_MESSAGE_LINES]]
    located = next((number for number, text in enumerate(below) if text.startswith("Location:")), len(below))
    said = [text.removeprefix("Message:").strip() for text in below[:located]]
    place = _PLACE.match(below[located].removeprefix("Location:").strip()) if located < len(below) else None
    heading = next((number for number, text in enumerate(below) if "━ BACKTRACE ━" in text), None)
    frames = [] if heading is None else _frames(lines, at + 1 + heading + 1)
    if not frames and place:
        frames = [_placed(Frame(), place)]
    message = values.text("\n".join(said).strip())
    return Trace(at, (Fault("panic", message, values.bounded(frames), mechanism="panic"),))


def _read(lines: Sequence[str], at: int, panic: re.Match[str]) -> Trace:
    old = _OLD_PANIC.match(panic["rest"])
    place = _PLACE.match(old["place"] if old else panic["rest"].strip())
    message = [old["message"]] if old else [] if place else [panic["rest"]]
    stop = at + 1
    while stop < len(lines) and stop - at <= _MAX_MESSAGE_LINES:
        text = lines[stop].strip()
        if (
            text.startswith(("note: ", "stack backtrace:"))
            or _FIRST_CALL.match(lines[stop])
            or "panicked at " in text
            or (not text and message)
        ):
            break
        if text and not old:
            message.append(lines[stop].rstrip())
        stop += 1
    frames = _stack(lines, stop)
    if not frames and place:
        frames = [_placed(Frame(), place)]
    fault = Fault(
        type="panic", message=values.text("\n".join(message).strip()), frames=values.bounded(frames), mechanism="panic"
    )
    return Trace(at, (fault,), thread=values.text(panic["thread"].strip("<>")))


def _stack(lines: Sequence[str], at: int) -> list[Frame]:
    """The frames of the backtrace that begins within a few lines."""
    begin = None
    for number in range(at, min(at + 4, len(lines))):
        if "panicked at " in lines[number]:  # what follows is the next one's
            break
        if "stack backtrace:" in lines[number] or _FIRST_CALL.match(lines[number]):
            begin = number - (0 if "stack backtrace:" in lines[number] else 1)
            break
    return [] if begin is None else _frames(lines, begin + 1)


def _frames(lines: Sequence[str], at: int) -> list[Frame]:
    """The frames that stand from the line on."""
    frames: list[Frame] = []
    for number in range(at, len(lines)):
        text = lines[number][:_MAX_LINE]
        place = _AT.match(text) if frames else None
        call = None if place else _CALL.match(text)
        if call:
            name = call["name"]
            frames.append(Frame(function=values.text(name), address=values.address(call["address"]), in_app=_own(name)))
        elif place:
            frames[-1] = _placed(frames[-1], _PLACE.match(place["place"].strip()))
        elif text.strip() and "frames hidden" not in text and "frame hidden" not in text:
            break
    return frames


def _own(name: str) -> bool | None:
    return False if name.startswith(_NOT_OWN) or name in _ENTRIES else None


def _placed(frame: Frame, place: re.Match[str] | None) -> Frame:
    if not place:
        return frame
    return Frame(
        function=frame.function,
        address=frame.address,
        file=values.text(place["file"]),
        line=int(place["line"]) or None,
        column=_column(place),
        in_app=False if _is_foreign(place["file"]) else frame.in_app,
    )


def _is_foreign(file: str) -> bool:
    return file.startswith(_STANDARD_FILES) or any(part in file for part in _FOREIGN_FILES)


def _column(place: re.Match[str]) -> int | None:
    return int(place["column"] or 0) or None
