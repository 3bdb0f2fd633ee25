"""What a Linux kernel prints when it crashes: KASAN, oops and panic, with the call trace.

Source: Linux 4.4 to 6.6 `mm/kasan/report.c`, `arch/arm64/mm/fault.c`, `kernel/panic.c` and `lib/vsprintf.c` (`%pS`).
The first report of a log is the crash: what follows (the panic that it leads to, tasks that are stopped) is its result.
Left out on purpose: registers, stack memory, allocation and release stacks, shadow memory.
"""

import re
from dataclasses import replace

from app.crashes.log import CrashLog, Fault, Frame, Thread
from app.parsers import values
from app.parsers.logcat import LogLine

_MAX_LINE = 1_000
_MAX_LINES = 400  # lines of one report that are read
_STAMP = re.compile(r"(?:<\d{1,2}>)?\[ {0,12}\d{1,8}\.\d{6}\](?:\[ {0,6}[TC]\d{1,8}\])? ?")
_START = re.compile(
    r"(?P<kasan>BUG: KASAN: (?P<kind>[\w-]{1,60}).*)"
    r"|(?P<fault>Unable to handle kernel (?P<what>.{1,120}?)(?: at (?:virtual )?address .*)?$)"
    r"|(?P<panic>Kernel panic - not syncing: (?P<why>.*))"
)
_TASK = re.compile(
    r"(?:CPU: \d{1,5} )?PID: (?P<pid>\d{1,10}) Comm: (?P<name>.{1,64}?)(?: (?:Tainted: |Not tainted).*)?$"
)
_PLACE = re.compile(r" in (?P<function>[\w.$]{1,500})\+0x")
_TRACE = re.compile(r"Call [Tt]race:")
_FRAME = re.compile(
    r"(?:\[<(?P<address>[0-9a-f]{8,16})>\] )?(?:\? )?(?P<function>[\w.$]{1,500})"
    r"\+0x(?P<offset>[0-9a-f]{1,16})/0x[0-9a-f]{1,16}(?: \[(?P<module>[\w-]{1,100})\])?$"
)


def reports(streams: list[list[LogLine]], format_name: str) -> list[tuple[LogLine, CrashLog]]:
    """The kernel's crash in the log, with the line it begins on: one at most."""
    starts = []
    for stream in streams:
        for position, line in enumerate(stream):
            if "KASAN" in line.text or "ernel" in line.text:
                found = _START.search(line.text[:_MAX_LINE])
                if found:
                    starts.append((line.number, stream, position, found))
                    break
    if not starts:
        return []
    _, stream, position, found = min(starts, key=lambda each: each[0])
    lines = [
        _STAMP.sub("", line.text[:_MAX_LINE], count=1).strip() for line in stream[position : position + _MAX_LINES]
    ]
    return [(stream[position], _report(found, lines, format_name))]


def _report(found: re.Match[str], lines: list[str], format_name: str) -> CrashLog:
    if found["kasan"]:
        kind, message = f"KASAN: {found['kind']}", found["kasan"][12:]
    elif found["fault"]:
        kind, message = "kernel fault", found["fault"]
    else:
        kind, message = "Kernel panic", found["why"]
    task = next((match for line in lines if (match := _TASK.search(line))), None)
    frames = _trace(lines, _place(message))
    notes = ("A crash of the kernel: the process is the one that ran then",)
    return CrashLog(
        format=format_name,
        platform="native",
        level="fatal",
        process=values.text(task["name"]) if task else None,
        process_id=int(task["pid"]) if task else None,
        faults=(Fault(type=kind, message=values.text(message.strip()), handled=False, mechanism="kernel"),),
        threads=(Thread(int(task["pid"]) if task else 0, None, None, True, None, values.bounded(frames)),),
        notes=notes if frames else (*notes, "The log holds no call trace"),
    )


def _place(message: str) -> str | None:
    """The function that a KASAN report names as the place of the bug."""
    place = _PLACE.search(message)
    return place["function"] if place else None


def _trace(lines: list[str], place: str | None) -> list[Frame]:
    """The frames of the first call trace, to the first line that is none; those above `place` only report the bug."""
    frames: list[Frame] = []
    is_open = False
    for number, line in enumerate(lines):
        if number and _START.search(line):
            break
        match = _FRAME.match(line) if is_open else None
        if match:
            frames.append(
                Frame(
                    function=match["function"],
                    image=match["module"],
                    address=int(match["address"], 16) if match["address"] else None,
                    offset=int(match["offset"], 16),
                )
            )
        elif frames:
            break
        elif _TRACE.match(line):
            is_open = True
    bug = next((number for number, frame in enumerate(frames) if place and frame.function == place), 0)
    return [*(replace(frame, in_app=False) for frame in frames[:bug]), *frames[bug:]]
