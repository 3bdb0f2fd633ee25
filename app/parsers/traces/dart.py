"""Errors of Dart and Flutter with their stack, with names or as addresses of an AOT snapshot.

Source: Dart 3.5 `runtime/vm/object.cc` (StackTrace::ToCString; `#0 name (file:line:column)`, and what
`--dwarf-stack-traces` prints), Flutter 3.24 `dart_vm_initializer.cc` ("Unhandled Exception:") and
`FlutterErrorDetails`. `virt` is the address in the symbols of `--split-debug-info`. Left out on purpose: the widget
tree of Flutter's report.
"""

import re
from collections.abc import Iterator, Sequence

from app.crashes.log import BinaryImage, Fault, Frame
from app.parsers import values
from app.parsers.traces import Trace

PLATFORM = "dart"
MARKS = ("#0 ", "#00 ", ".dart ")

_MAX_LINE = 4_000  # characters of a line that are read
_MAX_HEAD_LINES = 60  # lines between the error and its stack
_MAX_BETWEEN = 3  # lines of others between two frames
_IMAGE = "libapp.so"
_FRAME = re.compile(r"[ \t]{0,40}#(?P<number>\d{1,6}) {1,8}(?P<name>\S.{0,2000}?) \((?P<place>[^()]{1,2000})\)$")
_PLACE = re.compile(r"(?P<file>.*?):(?P<line>\d{1,9})(?::(?P<column>\d{1,9}))?$")
_AOT = re.compile(
    r"[ \t]{0,40}#(?P<number>\d{1,6}) abs (?P<abs>[0-9a-f]{1,16})(?: virt (?P<virt>[0-9a-f]{1,16}))? (?P<name>\S{1,200})"
)
_STARS = re.compile(r"[ \t]{0,40}(?:\*\*\* ){15}\*\*\*")
_FIELD = re.compile(r"(?P<key>pid|build_id|isolate_dso_base|arch|tid):? '?(?P<value>[\w]{1,64})")
_UNHANDLED = re.compile(r".{0,200}?\bUnhandled [Ee]xception: ?(?P<rest>.*)$")
_FLUTTER = re.compile(
    r"[ \t]{0,40}The following (?P<what>.{1,300}?) was thrown(?:.{0,1000}:[ \t]*$|[^:]{0,300}:(?P<rest>.*)$)"
)
_TERSE = re.compile(  # of package:stack_trace, which leaves out the place in the core libraries
    r"[ \t]{0,40}(?:(?P<file>\S{1,1000}\.dart) (?P<line>\d{1,9})(?::(?P<column>\d{1,9}))?|(?P<core>(?:dart|package):\S{1,1000}))"
    r" {2,200}(?P<name>\S.{0,2000})$"
)
_GAP = re.compile(r"[ \t]{0,40}={5} asynchronous gap ={5,100}$")
_BOX = re.compile(r"[ \t]{0,40}[═=╞╡]{2}.{0,10}EXCEPTION CAUGHT BY .*")
_WARNING = "Warning: This VM has been configured"
_TYPE = re.compile(r"(?P<type>_?[A-Z][\w$]{0,200}(?:<[\w<>, ?]{1,200}>)?)(?P<rest>(?::| ?\().*)$", re.DOTALL)
_CORE_TYPES = ("_AssertionError", "_CastError", "_Exception", "_TypeError")  # private names of dart:core
_SAID = (
    ("Bad state: ", "StateError"), ("Invalid argument", "ArgumentError"), ("Unsupported operation: ", "UnsupportedError"),
    ("Null check operator used on a null value", "TypeError"), ("type '", "TypeError"), ("Stack Overflow", "StackOverflowError"),
    ("Concurrent modification during iteration", "ConcurrentModificationError"), ("Out of Memory", "OutOfMemoryError"),
    ("LateInitializationError", "LateInitializationError"), ("UnimplementedError", "UnimplementedError"),
    ("RangeError", "RangeError"), ("Failed assertion", "AssertionError"), ("NoSuchMethodError", "NoSuchMethodError"),
)  # fmt: skip
"""What an error's toString begins with, where that is not the name of its class."""


def traces(lines: Sequence[str]) -> Iterator[Trace]:
    """The errors that have a stack."""
    at, behind = 0, 0
    while at < len(lines):
        line = lines[at]
        if ("dart" in line or "package:" in line) and (terse := _terse_stack(lines, at)):
            start = _head_above(lines, at, behind)
            kind, message = _type_and_message(lines[start:at])
            if (kind or "").endswith(("Error", "Exception")) or _UNHANDLED.match(lines[start][:_MAX_LINE]):
                yield Trace(start, (Fault(kind, message, values.bounded(terse)),))
            at = behind = at + len(terse)
            continue
        if "#0" not in line or not (_first(line) or _first_address(line)):
            at += 1
            continue
        stars = _stars_above(lines, at, behind) if _first_address(line) else at
        start = _head_above(lines, stars, behind)
        stop, frames, notes = _stack(lines, at)
        fields = {
            found["key"]: found["value"] for text in lines[stars:at] for found in _FIELD.finditer(text[:_MAX_LINE])
        }
        kind, message = _type_and_message(lines[start:stars])
        if frames and (kind or message or fields or _is_certain(frames)):
            yield Trace(
                start,
                (Fault(kind, message, values.bounded(frames)),),
                images=_images(fields),
                process_id=values.integer(fields.get("pid")),
                arch=fields.get("arch"),
                notes=tuple(notes),
            )
        at = behind = stop


def _terse_stack(lines: Sequence[str], at: int) -> list[Frame]:
    """The frames that stand from the line on, one on each, where package:stack_trace has printed them."""
    frames: list[Frame] = []
    for number in range(at, len(lines)):
        text = lines[number][:_MAX_LINE].rstrip()
        found = _TERSE.match(text)
        if found:
            frames.append(
                Frame(
                    function=values.text(found["name"]),
                    file=values.text(found["file"] or found["core"]),
                    line=int(found["line"] or 0) or None,
                    column=int(found["column"] or 0) or None,
                )
            )
        elif frames and _GAP.match(text):
            frames.append(Frame(function="<asynchronous suspension>", in_app=False))
        else:
            break
    return frames


def _first(line: str) -> re.Match[str] | None:
    found = _FRAME.match(line[:_MAX_LINE].rstrip())
    return found if found and int(found["number"]) == 0 and _is_place(found["place"]) else None


def _is_place(place: str) -> bool:
    return place.startswith(("package:", "dart:", "file:", "org-dartlang", "http")) or ".dart" in place


def _first_address(line: str) -> bool:
    found = _AOT.match(line[:_MAX_LINE])
    return found is not None and int(found["number"]) == 0


def _is_certain(frames: list[Frame]) -> bool:
    return any(frame.file and _is_place(frame.file) for frame in frames)


def _stack(lines: Sequence[str], at: int) -> tuple[int, list[Frame], list[str]]:
    """The line behind a stack, its frames, and what else it says."""
    frames: list[Frame] = []
    notes: list[str] = []
    between, end = 0, at
    while at < len(lines) and between <= _MAX_BETWEEN:
        text = lines[at][:_MAX_LINE].rstrip()
        named, bare = _FRAME.match(text), _AOT.match(text)
        found = named or bare
        if found and int(found["number"]) == 0 and frames:
            break  # the next one's
        if named:
            frames.append(_named(named))
        elif bare:
            frames.append(_at_address(bare))
        elif text.strip() == "<asynchronous suspension>":
            frames.append(Frame(function="<asynchronous suspension>", in_app=False))
        elif "frames elided" in text or text.strip().startswith("(elided"):
            notes.append(f"Flutter left out frames: {text.strip()[:200]}")
        elif not text.strip() or between < _MAX_BETWEEN:
            between += 1
            at += 1
            continue
        else:
            break
        between, end = 0, at + 1
        at += 1
    return end, frames, notes


def _named(found: re.Match[str]) -> Frame:
    place = _PLACE.match(found["place"])
    return Frame(
        function=values.text(found["name"]),
        file=values.text(place["file"] if place else found["place"]),
        line=int(place["line"]) or None if place else None,
        column=int(place["column"] or 0) or None if place else None,
    )


def _at_address(found: re.Match[str]) -> Frame:
    """A frame of a snapshot: its name is that of the whole snapshot's code, so the function is unknown."""
    address, virt = int(found["abs"], 16), found["virt"]
    start = address - int(virt, 16) if virt else None
    return Frame(image=_IMAGE, address=address, image_address=start if start is None or start >= 0 else None)


def _images(fields: dict[str, str]) -> tuple[BinaryImage, ...]:
    if "build_id" not in fields and "isolate_dso_base" not in fields:
        return ()
    base = values.address("0x" + fields.get("isolate_dso_base", ""))
    return (BinaryImage(_IMAGE, None, fields.get("build_id"), fields.get("arch"), base),)


def _stars_above(lines: Sequence[str], at: int, behind: int) -> int:
    return next((n for n in range(at - 1, max(behind, at - 12, 0) - 1, -1) if _STARS.match(lines[n])), at)


def _head_above(lines: Sequence[str], at: int, behind: int) -> int:
    """Where the error stands above its stack; the stack's own line when nowhere."""
    found, is_near = at, True
    for number in range(at - 1, max(behind, at - 1 - _MAX_HEAD_LINES, 0) - 1, -1):
        text = lines[number][:_MAX_LINE]
        if _UNHANDLED.match(text) or _FLUTTER.match(text):
            return number
        if _BOX.match(text):
            break
        is_near = is_near and bool(text.strip()) and at - number <= 3
        if is_near and not text.startswith("#") and _WARNING not in text:
            found = number
    return found


def _type_and_message(head: Sequence[str]) -> tuple[str | None, str | None]:
    if not head:
        return None, None
    thrown, flutter = _UNHANDLED.match(head[0][:_MAX_LINE]), _FLUTTER.match(head[0][:_MAX_LINE])
    body = [line for line in head[1:] if _WARNING not in line]
    if flutter:
        body = [flutter["rest"] or "", *_until_blank(body)]
        named, said = flutter["what"].removesuffix(" object").split(" ")[-1], "\n".join(body).strip()
        named = named.removeprefix("_") if named in _CORE_TYPES else named
        is_type = named.lstrip("_")[:1].isupper()
        return values.text(named if is_type else None) or type_and_message(said)[0], values.text(said)
    return type_and_message("\n".join([thrown["rest"] if thrown else head[0], *body]))


def _until_blank(lines: list[str]) -> list[str]:
    end = next((number for number, line in enumerate(lines) if not line.strip()), len(lines))
    return lines[:end]


def type_and_message(text: str) -> tuple[str | None, str | None]:
    """Split an error's toString; some errors begin with words of their own in the place of their type."""
    text = text.strip()
    known = next((kind for begin, kind in _SAID if text.startswith(begin)), None)
    if known is None and "Failed assertion" in text[:2_000]:
        known = "AssertionError"
    found = _TYPE.match(text)
    if found and (known is None or found["type"] == known):
        return values.text(found["type"]), values.text(found["rest"].lstrip(":").strip())
    return known, values.text(text)
