"""The stacks that a Linux kernel prints: call traces of all years and architectures, and KASAN's stacks of memory.

Source: Linux 3.4 to 6.12 `lib/vsprintf.c` (`%pS`, `%pSb`), `arch/*/kernel/{dumpstack,traps,process}.c` and
`mm/kasan/report.c`; the file and line that `decode_stacktrace.sh` and syzkaller add.
"""

import re
from dataclasses import dataclass, field, replace

from app.crashes.log import Frame, RelatedStack
from app.parsers import values

_NAME = r"(?P<function>[\w.$]{1,500})"
_SOURCE = r"(?: (?P<file>[\w./+-]{1,500}\.\w{1,4}):(?P<line>\d{1,9}))?"
_ADDRESS = r"(?:\[<(?P<address>[0-9a-fA-F]{8,16})>\] {0,8})?"
_FRAME = re.compile(
    rf"{_ADDRESS}(?:\? )?\(?{_NAME}\+0x(?P<offset>[0-9a-f]{{1,16}})/0x[0-9a-f]{{1,16}}\)?"
    rf"(?: \[(?P<module>[\w-]{{1,100}})(?: [0-9a-f]{{8,64}})?\]\)?)?{_SOURCE}(?: \(discriminator \d{{1,9}}\))?"
    r"(?: from (?P<caller>.{1,600}))?(?: \(\w\))?$"
)
_ARM_FRAME = re.compile(
    rf"{_ADDRESS}\(?{_NAME}\)? from (?P<caller>.{{1,600}})$"
)  # of the first, whose place is not known
_INLINED = re.compile(
    rf"(?:\[< {{1,16}}inline {{1,16}}>\] )?{_NAME} (?P<file>[\w./+-]{{1,500}}):(?P<line>\d{{1,9}})"
    r"(?P<mark> \[inline\])?$"
)
_AT = re.compile(r"(?:R?IP: (?:00[16]0:)?|EIP: (?:00[16]0:)?|pc : |PC is at |EIP is at |epc : )(?P<rest>.{1,600})$")
_PLACE = re.compile(r"(?:\[<[0-9a-fA-F]{8,16}>\] {0,8}){0,2}(?P<rest>[\w.$]{1,500}\+0x.*)$")
_TRACE = re.compile(r"(?:Call [Tt]race|Backtrace):[ \t]*(?P<rest>.*)$")
_MARK = re.compile(r"(?:</?\w{2,10}>|<<EOE>>|\[<[0-9a-f]{8,16}>\]|\(null\)|={10,}|-{10,})?[ \t]*$")  # within a trace
_MEMORY = re.compile(r"(?:INFO: )?(?P<what>Allocated|Freed) (?P<by>by task \d{1,10}|in [\w.$]{1,500}\+0x.*)")
_KINDS = {"Allocated": "allocation", "Freed": "deallocation"}
MAX_MEMORY_STACKS = 4


@dataclass(slots=True)
class KernelTrace:
    """The frames of one report, innermost first, and the stacks of its memory."""

    frames: list[Frame] = field(default_factory=list)
    stacks: list[RelatedStack] = field(default_factory=list)
    at: Frame | None = None  # where the processor stood; its own line on x86
    is_open: bool = False
    is_over: bool = False

    def take(self, line: str) -> None:
        """Read the next line of the report, without its time."""
        memory = _MEMORY.match(line)
        if memory and len(self.stacks) < MAX_MEMORY_STACKS:
            self.stacks.append(RelatedStack(_KINDS[memory["what"]], values.text(f"{memory['what']} {memory['by']}")))
            self.is_open, self.is_over = False, True
        elif self.stacks:
            self._take_memory(line)
        elif not self.is_over:
            self._take_call(line)

    def _take_call(self, line: str) -> None:
        trace = _TRACE.match(line)
        if trace:
            self.is_over = bool(self.frames)  # the second trace is another's
            self.is_open = not self.is_over
            line = trace["rest"].strip()
        elif not self.is_open:
            self.at = self.at or _standing(line)
            return
        found = _frames(line)
        if found:
            self.frames = [
                *(self.frames[:-1] if self.frames and self.frames[-1].note == "caller" else self.frames),
                *found,
            ]
        elif self.frames and not _MARK.match(line):
            self.is_open, self.is_over = False, True

    def _take_memory(self, line: str) -> None:
        found = _frames(line)
        if found and len(self.stacks[-1].frames) < values.MAX_FRAMES and not self.is_open:
            self.stacks[-1] = replace(self.stacks[-1], frames=(*self.stacks[-1].frames, *found))
        elif self.stacks[-1].frames:
            self.is_open = True  # its end: what follows is of something else

    def all_frames(self, place: str | None) -> list[Frame]:
        """The call trace below where the processor stood. Frames above `place`, which KASAN names, only report the bug;
        `panic` does so itself.
        """
        frames = [replace(frame, note=None) if frame.note == "caller" else frame for frame in self.frames]
        if self.at and not any(frame.function == self.at.function for frame in frames):
            frames.insert(0, self.at)
        bug = next((number for number, frame in enumerate(frames) if place and frame.function == place), 0)
        while bug and frames[bug - 1].note == "inlined":
            bug -= 1
        bug += place == "panic" and bug < len(frames) and frames[bug].function == place
        return [*(replace(frame, in_app=False) for frame in frames[:bug]), *frames[bug:]]


def _standing(line: str) -> Frame | None:
    at = _AT.match(line)
    place = _PLACE.match(at["rest"].strip()) if at else None
    found = _frames(place["rest"]) if place else []
    return found[0] if found else None


def _frames(line: str) -> list[Frame]:
    """The frame on the line; on 32-bit ARM, which prints both ends of a call, also its caller, with that note."""
    match = _FRAME.match(line) or _ARM_FRAME.match(line)
    if match:
        parts = match.groupdict()
        frame = Frame(
            function=parts["function"],
            image=parts.get("module"),
            file=parts.get("file"),
            line=values.integer(parts.get("line")) or None,
            address=int(parts["address"], 16) if parts.get("address") else None,
            offset=int(parts["offset"], 16) if parts.get("offset") else None,
        )
        caller = _frames(parts["caller"]) if parts.get("caller") and " from " not in parts["caller"] else []
        return [frame, *(replace(one, note="caller") for one in caller)]
    inlined = _INLINED.match(line)
    if inlined and (inlined["mark"] or line.startswith("[<")):
        return [
            Frame(function=inlined["function"], file=inlined["file"], line=int(inlined["line"]) or None, note="inlined")
        ]
    return []
