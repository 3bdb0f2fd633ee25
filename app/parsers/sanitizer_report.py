"""The reports of compiler-rt's sanitizers: error, access, the crashed thread's stack and those of the memory at fault.

Source: LLVM compiler-rt 18 (AddressSanitizer, HWAddressSanitizer, MemorySanitizer, ThreadSanitizer, LeakSanitizer,
UndefinedBehaviorSanitizer). Left out on purpose: where threads were created, shadow memory.
"""

import re
from dataclasses import dataclass, field

from app.crashes.log import CrashLog, Fault, RelatedStack, Thread
from app.parsers import native_text, values
from app.parsers.logcat import LogLine
from app.parsers.native_text import NativeFrame

_MAX_HEAD = 50  # lines between the error and the first frame
_MAX_LINES = 5_000  # of one report
_MAX_STACKS = 10
_MARKS = ("Sanitizer: ", ": runtime error: ")
_ERROR = re.compile(
    r"(?:==(?P<pid>\d{1,10})==\s?(?:ERROR|WARNING): |(?P<race>WARNING: ))(?P<tool>\w{0,40}Sanitizer): "
    r"(?P<message>(?P<kind>(?:attempting |detected memory )?[\w-]{1,60}(?: race)?).*)$"
)
_UNDEFINED = re.compile(
    r"^(?P<file>[^\s:]{1,1000}\.\w{1,4}):(?P<line>\d{1,9}):(?P<column>\d{1,9}): runtime error: (?P<message>.{1,1000})$"
)
_ACCESS = re.compile(
    r"(?P<access>(?:READ|WRITE|Read|Write|Atomic read|Atomic write) of size \d{1,20}) at \S+"
    r"(?: tags: \S+ \([^)]{0,40}\))?"
    r"(?:(?: in| by)? (?:main )?thread (?:T(?P<tid>\d{1,10}))?(?: \((?P<name>[^)]{1,100})\))?)?"
)
_SIGNAL_ACCESS = re.compile(r"(?:==\d{1,10}==\s?)?The signal is caused by an? (?P<access>READ|WRITE) memory access")
_MEMORY = re.compile(
    r"(?:.{0,200}\b(?P<what>allocated|freed|deallocated) by (?:main )?thread.{0,200}:"
    r"|Previous (?:atomic )?(?P<access>read|write) of size .{1,200}:"
    r"|Uninitialized value was created by (?P<origin>.{1,300}))$"
)
_END = re.compile(r"SUMMARY: \w{0,40}Sanitizer|==\d{1,10}==\s?ABORTING")
_REGISTERS = re.compile(r" \(pc .*$| at pc .*$| \(pid=\d{1,10}\)$")
_AT = re.compile(r" on (?:unknown )?(?:address )?(?P<address>0x[0-9a-fA-F]{1,16})")
_THREAD = re.compile(r" T(?P<tid>\d{1,10})\)")
_UNKNOWN = " on unknown address"


@dataclass(slots=True)
class _OpenReport:
    """One report while it is read."""

    line: LogLine
    error: re.Match[str]
    access: re.Match[str] | None = None
    frames: list[NativeFrame] = field(default_factory=list)
    stacks: list[tuple[str, str, list[NativeFrame]]] = field(default_factory=list)  # kind, words, frames
    is_stack_open: bool = True  # the one that is read, the crash's or the last of `stacks`
    gap: int = 0
    lines: int = 0


def reports(stream: list[LogLine], format_name: str) -> list[tuple[LogLine, CrashLog]]:
    """The sanitizers' reports in the lines of one stream, each with the line it begins on."""
    found: list[_OpenReport] = []
    current: _OpenReport | None = None
    for line in stream:
        text = line.text[:8_000]
        error = (_ERROR.search(text) or _UNDEFINED.match(text)) if any(mark in text for mark in _MARKS) else None
        if error and not _END.search(text):
            current = _OpenReport(line, error)
            found.append(current)
        elif current and not _take(current, line.text):
            current = None
    return [(each.line, _report(each, format_name)) for each in found]


def _take(current: _OpenReport, text: str) -> bool:
    """Take a line into the report; False when it is over."""
    current.lines += 1
    frame = native_text.read_frame(text) if "#" in text[:24] else None
    if frame:
        _take_frame(current, frame)
        return True
    spoken = text[:2_000].strip()
    memory = _MEMORY.match(spoken) if current.frames and len(current.stacks) < _MAX_STACKS else None
    if memory:
        kind = (
            "access"
            if memory["access"]
            else "deallocation"
            if memory["what"] in ("freed", "deallocated")
            else "allocation"
        )
        current.stacks.append((kind, spoken.rstrip(":"), []))
        current.is_stack_open = True
        return True
    if not current.frames and current.access is None:
        current.access = _ACCESS.match(spoken[:400]) or _SIGNAL_ACCESS.match(spoken)
    if spoken and (current.stacks[-1][2] if current.stacks else current.frames):
        current.is_stack_open = False
    current.gap += bool(spoken) and not current.frames
    return current.gap <= _MAX_HEAD and current.lines <= _MAX_LINES and not _END.match(spoken)


def _take_frame(current: _OpenReport, frame: NativeFrame) -> None:
    frames = current.stacks[-1][2] if current.stacks else current.frames
    if frames and frame.number <= frames[-1].number:
        current.is_stack_open = False  # another stack, which no line names
    elif current.is_stack_open and len(frames) < values.MAX_FRAMES * 10:
        frames.append(frame)


def _report(each: _OpenReport, format_name: str) -> CrashLog:
    error, access = each.error.groupdict(), each.access.groupdict() if each.access else {}
    spoken, tool = error["message"].strip(), error.get("tool") or "UndefinedBehaviorSanitizer"
    at, thread = _AT.search(spoken), _THREAD.search(spoken)
    message = _AT.sub(_UNKNOWN if at and _UNKNOWN in at[0] else "", _REGISTERS.sub("", spoken)).rstrip(":")
    words = access.get("access")
    index = access.get("tid") or (thread["tid"] if thread else None)
    stack = values.bounded([frame.frame for frame in each.frames])
    fault = Fault(
        type=f"{tool}: {error['kind']}" if error.get("kind") else tool,
        message=values.text(message + (f"; {words}" + ("" if " " in words else " access") if words else "")),
        code=f"at {at['address']}" if at else None,
        handled=False,
        mechanism=tool,
    )
    place = {} if error.get("tool") else {"place": f"{error['file']}:{error['line']}:{error['column']}"}
    return CrashLog(
        format=format_name,
        platform="native",
        level="fatal",
        process_id=values.integer(error.get("pid")),
        faults=(fault,),
        threads=(Thread(index=int(index or 0), name=values.text(access.get("name")), is_crashed=True, frames=stack),),
        stacks=tuple(
            RelatedStack(kind, values.text(said), values.bounded([frame.frame for frame in frames]))
            for kind, said, frames in each.stacks
            if frames
        ),
        images=native_text.images_of(each.frames),
        details={**({"access": words} if words else {}), **place},
        notes=() if stack else ("The log holds no backtrace of the crashed thread",),
    )
