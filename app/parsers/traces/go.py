"""Panics and fatal errors of Go programs, with the goroutines that the runtime prints to standard error.

Source: Go 1.23 `runtime/panic.go` (printpanics), `runtime/traceback.go`, `runtime/signal_unix.go`; the first
goroutine is the one that crashed. Left out on purpose: arguments, frame pointers, registers, other goroutines.
"""

import re
from collections.abc import Iterator, Sequence

from app.crashes.log import Fault, Frame
from app.parsers import values
from app.parsers.traces import Trace

PLATFORM = "go"
MARKS = ("goroutine ",)

_MAX_LINE = 4_000  # characters of a line that are read
_MAX_HEAD_LINES = 40  # lines between the panic and its goroutine
_GOROUTINE = re.compile(r"goroutine (?P<number>\d{1,18})(?: [^\[]{0,200})? ?\[(?P<state>[^\]]{1,200})\]:?$")
_HEAD = re.compile(
    r"(?:.{0,200}? )?(?P<kind>panic|fatal error|SIG[A-Z]{2,8}|unexpected fault address)(?: serving \S{1,100})?"
    r"(?:: | (?=0x)|$)(?P<message>.*)$"
)
_AGAIN = re.compile(r"(?P<message>.*?)(?: \[recovered(?:, repanicked)?\])?$")
_SIGNAL = re.compile(
    r"\[signal (?:(?P<signal>SIG[A-Z]{2,8})|(?P<exception>0x[0-9a-f]{1,16}))"
    r"(?:[^\]]{0,100}? code=(?P<code>\w{1,20}))?(?: addr=(?P<address>0x[0-9a-f]{1,16}))?"
)
_PLACE = re.compile(r"[ \t]{1,40}(?P<file>\S.*?):(?P<line>\d{1,9})(?: \+0x[0-9a-fA-F]{1,16})?$")
_GONE = re.compile(r"goroutine running on other thread|\.\.\.additional frames elided|\.\.\. ?\d{1,9} frames elided")


def traces(lines: Sequence[str]) -> Iterator[Trace]:
    """The panics that have a goroutine."""
    at, behind = 0, 0
    while at < len(lines):
        found = _GOROUTINE.match(lines[at][:_MAX_LINE].strip()) if "goroutine " in lines[at] else None
        if not found:
            at += 1
            continue
        head = _head_above(lines, at, behind)
        stop, frames = _stack(lines, at + 1)
        if head is not None and frames:
            yield Trace(head, (_fault(lines[head:at], frames),), thread=f"goroutine {found['number']}")
        at = behind = max(stop, at + 1)


def _head_above(lines: Sequence[str], at: int, behind: int) -> int | None:
    """The line of the panic above its goroutine: of panics within panics the first."""
    found: int | None = None
    for number in range(at - 1, max(behind, at - 1 - _MAX_HEAD_LINES, 0) - 1, -1):
        text = lines[number][:_MAX_LINE]
        if _HEAD.match(text.strip()) and not _SIGNAL.match(text.strip()):
            found = number
            if not text.startswith("\t"):
                break
    return found


def _fault(head: Sequence[str], frames: list[Frame]) -> Fault:
    first = _HEAD.match(head[0][:_MAX_LINE].strip())
    kind = first["kind"] if first else None
    message = [first["message"] if first else head[0]]
    signal = code = None
    for line in head[1:]:
        told = _SIGNAL.match(line.strip()[:_MAX_LINE])
        if told:
            signal = told["signal"]
            code = (
                " ".join(
                    part
                    for part in (told["exception"] or told["code"], told["address"] and f"at {told['address']}")
                    if part
                )
                or None
            )
        elif line.strip() and not line.startswith(("\tpanic: ", "PC=")):  # the same once more, or what came of it
            message.append(line)
    if kind and kind.startswith("SIG"):
        signal = kind
    lines = [_AGAIN.match(message[0])["message"], *message[1:]]  # type: ignore[index]
    return Fault(
        type=kind, message=values.text("\n".join(lines).strip()), frames=values.bounded(frames), signal=signal, code=code,
        handled=False, mechanism="panic",
    )  # fmt: skip


def _stack(lines: Sequence[str], at: int) -> tuple[int, list[Frame]]:
    """The line behind a goroutine's stack, and its frames: a call, and below it its place."""
    frames: list[Frame] = []
    call: str | None = None
    while at < len(lines):
        line = lines[at][:_MAX_LINE]
        text = line.strip()
        place = _PLACE.match(line.rstrip()) if call is not None else None
        if place:
            frames.append(_frame(call or "", place))
            call = None
        elif text.startswith(("goroutine ", "exit status ")) or (not text and _ends(lines, at)):
            break
        elif text.endswith(")") or text.startswith("created by "):
            call = text
        elif text and not _GONE.search(text):
            break
        at += 1
    return at, frames


def _ends(lines: Sequence[str], at: int) -> bool:
    """True unless the empty line stands between a call and its place, as where line ends were doubled."""
    following = next((line for line in lines[at + 1 : at + 3] if line.strip()), "")
    return not (following.startswith(("\t", " ")) or following.rstrip().endswith(")"))


def _frame(call: str, place: re.Match[str]) -> Frame:
    name = call.removeprefix("created by ").split(" in goroutine ")[0]
    if name.endswith(")"):
        name = name[: _opening(name)]
    slash = name.partition("[")[0].rfind("/") + 1  # type arguments have paths of their own
    dot = name.find(".", slash)
    module = f"{name[:slash]}{name[slash:dot].replace('%2e', '.')}"  # the linker escapes dots of the last element
    return Frame(
        function=values.text(name[dot + 1 :] if dot >= 0 else name),
        module=values.text(module) if dot >= 0 else None,
        file=values.text(place["file"]),
        line=int(place["line"]) or None,
        note="created by" if call.startswith("created by ") else None,
    )


def _opening(name: str) -> int:
    """Where the arguments begin: the bracket that the last one closes."""
    depth = 0
    for at in range(len(name) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(name[at], 0)
        if depth == 0:
            return at
    return len(name)
