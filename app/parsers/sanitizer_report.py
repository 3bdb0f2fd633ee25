"""The reports that compiler-rt's sanitizers print when they end a program: error, access and the crashed thread's stack.

Source: LLVM compiler-rt 18 (AddressSanitizer, HWAddressSanitizer, MemorySanitizer, ThreadSanitizer, LeakSanitizer).
Left out on purpose: the stacks of allocation and release, which other threads ran earlier, and shadow memory.
"""

import re
from dataclasses import dataclass, field

from app.crashes.log import CrashLog, Fault, Thread
from app.parsers import native_text, values
from app.parsers.logcat import LogLine
from app.parsers.native_text import NativeFrame

_MAX_HEAD = 50  # lines between the error and the first frame
_ERROR = re.compile(
    r"==(?P<pid>\d{1,10})==\s?ERROR: (?P<tool>\w{0,40}Sanitizer): "
    r"(?P<message>(?P<kind>(?:attempting |detected memory )?[\w-]{1,60}).*)$"
)
_ACCESS = re.compile(
    r"(?P<access>(?:READ|WRITE) of size \d{1,20}) at \S+(?: thread (?:T(?P<tid>\d{1,10}))?(?: \((?P<name>[^)]{1,100})\))?)?"
)


@dataclass(slots=True)
class _OpenStack:
    """One report while it is read."""

    line: LogLine
    error: re.Match[str]
    access: re.Match[str] | None = None
    frames: list[NativeFrame] = field(default_factory=list)
    gap: int = 0


def reports(stream: list[LogLine], format_name: str) -> list[tuple[LogLine, CrashLog]]:
    """The sanitizers' reports in the lines of one stream, each with the line it begins on."""
    found: list[_OpenStack] = []
    current: _OpenStack | None = None
    for line in stream:
        error = _ERROR.search(line.text[:8_000]) if "Sanitizer: " in line.text else None
        if error:
            current = _OpenStack(line, error)
            found.append(current)
        elif current and not _take(current, line.text):
            current = None
    return [(each.line, _report(each, format_name)) for each in found]


def _take(current: _OpenStack, text: str) -> bool:
    """Take a line into the report; False when the stack is over."""
    frame = native_text.read_frame(text) if "#" in text[:24] else None
    if frame is None:
        if not current.frames and current.access is None:
            current.access = _ACCESS.match(text[:400].strip())
        current.gap += bool(text.strip())
        return current.gap <= (0 if current.frames else _MAX_HEAD)
    if current.frames and frame.number <= current.frames[-1].number:
        return False
    current.frames.append(frame)
    current.gap = 0
    return len(current.frames) < 10_000


def _report(each: _OpenStack, format_name: str) -> CrashLog:
    error, access = each.error, each.access
    message = error["message"].strip() + (f"; {access['access']}" if access else "")
    name = values.text(access["name"]) if access else None
    index = int(access["tid"]) if access and access["tid"] else 0
    stack = values.bounded([frame.frame for frame in each.frames])
    fault = Fault(
        type=f"{error['tool']}: {error['kind']}", message=values.text(message), handled=False, mechanism=error["tool"]
    )
    return CrashLog(
        format=format_name,
        platform="native",
        level="fatal",
        process_id=int(error["pid"]),
        faults=(fault,),
        threads=(Thread(index=index, name=name, is_crashed=True, frames=stack),),
        images=native_text.images_of(each.frames),
        notes=() if stack else ("The log holds no backtrace of the crashed thread",),
    )
