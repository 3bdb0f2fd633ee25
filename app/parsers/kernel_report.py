"""What a Linux kernel prints when it crashes: KASAN and its kin, oops, BUG and panic, with the call trace.

Source: Linux 3.4 to 6.12 `mm/kasan/report.c`, `mm/kfence/report.c`, `arch/*/mm/fault.c`, `arch/x86/kernel/traps.c`,
`lib/bug.c`, `kernel/panic.c`. The first report of a log is the crash: what follows (the panic that it leads to, tasks
that are stopped) is its result. Left out on purpose: registers, stack memory, shadow memory.
"""

import re

from app.crashes.log import CrashLog, Fault, OsInfo, Thread
from app.parsers import values
from app.parsers.kernel_trace import KernelTrace
from app.parsers.logcat import LogLine

_MAX_LINE = 1_000
_MAX_LINES = 400  # lines of one report that are read
_STAMP = re.compile(
    r"(?:[A-Z][a-z]{2} {1,2}\d{1,2} [\d:]{8} \S{1,100} kernel: ?)?"  # of syslog
    r"(?:<\d{1,2}>)?(?:\[ {0,12}\d{1,8}\.\d{6}\])?(?:\[ {0,6}[TC]\d{1,8}\])? ?"
)
_START = re.compile(
    r"BUG: (?P<checker>K(?:ASAN|MSAN|CSAN|FENCE)): (?P<bug>(?P<kind>[\w-]{1,60}(?: (?!in |on |at )[\w-]{1,60}){0,6}).*)"
    r"|(?P<fault>(?:BUG: )?[Uu]nable to handle (?:kernel |page ).{1,200})"
    r"|(?P<trap>general protection fault|invalid opcode|divide error|double fault|stack segment)"
    r"(?P<more>[:,].{0,200}\[#\d{1,4}\].*)"
    r"|kernel BUG at (?P<place>.{1,300}?)!"
    r"|(?P<lockup>(?:soft|hard) lockup|hard LOCKUP) - CPU(?P<stuck>.{1,200})"
    r"|Kernel panic - not syncing: (?P<panic>.*)"
)
_TASK = re.compile(
    r"(?:CPU: \d{1,5} )?(?:UID: \d{1,10} )?PID: (?P<pid>\d{1,10}) Comm: (?P<name>.{1,64}?)"
    r"(?: (?:Tainted: [A-Z ]{1,40}?|Not tainted)(?: (?P<release>\d+\.\d+\S*)(?: .*)?)?)?$"
)
_OLD_TASK = re.compile(r"Process (?P<name>.{1,64}?) \(pid: (?P<pid>\d{1,10})")
_ACCESS = re.compile(
    r"(?P<access>(?:[Bb]ad access|[Rr]ead|[Ww]rite)(?: of size \d{1,20})?)"
    r" (?:at|by) (?:addr (?P<address>[0-9a-f]{1,16}) )?"
)
_FUNCTION = re.compile(r" in (?P<function>[\w.$]{1,500})\+0x")
_OFFSETS = re.compile(r"\+0x[0-9a-f]{1,16}/0x[0-9a-f]{1,16}")
_ADDRESS = re.compile(
    r"(?:, (?:probably|maybe))?,? (?:at|on|for|in) (?:non-canonical |virtual )?addr(?:ess)?:?"
    r" (?:0x)?(?P<address>[0-9a-f]{1,16})\b"
)


def reports(streams: list[list[LogLine]], format_name: str) -> list[tuple[LogLine, CrashLog]]:
    """The kernel's crash in the log, with the line it begins on: one at most."""
    starts = []
    for stream in streams:
        for position, line in enumerate(stream):
            if any(mark in line.text for mark in _MARKS):
                found = _START.search(line.text[:_MAX_LINE])
                if found:
                    starts.append((line.number, stream, position, found))
                    break
    if not starts:
        return []
    _, stream, position, found = min(starts, key=lambda each: each[0])
    lines = [
        _STAMP.sub("", line.text[:_MAX_LINE].strip(), count=1).strip()
        for line in stream[position : position + _MAX_LINES]
    ]
    return [(stream[position], _report(found, lines, format_name))]


_MARKS = ("BUG: ", "ernel", "protection fault", "invalid opcode", "divide error", "double fault", "lockup", "LOCKUP")


def _report(found: re.Match[str], lines: list[str], format_name: str) -> CrashLog:
    kind, spoken = _kind_and_message(found)
    task = next((match for line in lines if (match := _TASK.search(line) or _OLD_TASK.match(line))), None)
    access = next((match for line in lines[:12] if (match := _ACCESS.match(line))), None) if found["checker"] else None
    place = _FUNCTION.search(spoken)
    trace = KernelTrace()
    for number, line in enumerate(lines):
        if number and _is_another(line):
            break
        trace.take(line)
    frames = trace.all_frames(place["function"] if place else "panic" if found["panic"] is not None else None)
    at = _ADDRESS.search(spoken) or access
    address = at["address"] if at and at["address"] else None
    release = task.groupdict().get("release") if task else None
    notes = ("A crash of the kernel: the process is the one that ran then",)
    fault = Fault(
        type=kind,
        message=values.text(_OFFSETS.sub("", _ADDRESS.sub("", spoken)).strip()),
        code=f"at 0x{address}" if address else None,
        handled=False,
        mechanism="kernel",
    )
    return CrashLog(
        format=format_name,
        platform="native",
        level="fatal",
        process=values.text(task["name"]) if task else None,
        process_id=int(task["pid"]) if task else None,
        faults=(fault,),
        threads=(Thread(int(task["pid"]) if task else 0, None, None, True, None, values.bounded(frames)),),
        stacks=tuple(stack for stack in trace.stacks if stack.frames),
        os=OsInfo(name="Linux", version=release) if release else OsInfo(),
        details={"access": access["access"]} if access else {},
        notes=notes if frames else (*notes, "The log holds no call trace"),
    )


def _kind_and_message(found: re.Match[str]) -> tuple[str, str]:
    if found["checker"]:
        return f"{found['checker']}: {found['kind']}", found["bug"]
    if found["fault"]:
        return "kernel fault", found["fault"].removeprefix("BUG: ")
    if found["trap"]:
        return found["trap"], found["trap"] + re.sub(r":? ?\w{0,8} \[#\d{1,4}\].*", "", found["more"])
    if found["place"]:
        return "kernel BUG", f"kernel BUG at {found['place']}"
    if found["lockup"]:
        return found["lockup"].lower(), re.sub(r"#\d+", "", f"{found['lockup']} - CPU{found['stuck']}")
    return "Kernel panic", found["panic"]


def _is_another(line: str) -> bool:
    """True for the start of a report that is no part of the one above it: a trap follows a BUG as its words."""
    found = _START.search(line)
    return bool(found and not found["trap"] and found["place"] is None)
