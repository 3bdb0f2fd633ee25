"""Apple's reports of a process that hung or used too much: `.hang`, `.spin`, `.diag`, spindump's output.

Source: spindump(8) and files of iOS 14 to 26 and macOS 10.14 to 26 (report versions 26 to 72). The stack is the heaviest one
of the main thread, else of the process; of other threads it is the way through the tree that most samples went. Left out on
purpose: other processes, the kernel's part of stacks, when which sample was taken, idle work queues.
"""

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from app.crashes.log import AppInfo, CrashLog, DeviceInfo, Fault, Frame, OsInfo, Thread
from app.errors import MalformedLog
from app.parsers import apple_frames, values
from app.parsers.apple_names import known, split_os, split_version
from app.parsers.apple_state import present
from app.parsers.document import Document

FORMAT = "apple-spindump"

MAX_REPORTS = 100
MAX_LINES = 200_000
MAX_CALLS = 5_000  # of one thread
MAX_LINE = 4_000  # characters
_HEAD = 6_000  # characters that the header is in
_COMMAND = re.compile(r"^Command:[ \t]+\S", re.MULTILINE)
_TELLING = re.compile(r"^(?:Event|Duration|Steps|Data Source):[ \t]+\S|^Heaviest stack for ", re.MULTILINE)
_BEGINNING = re.compile(r"^Date/Time:[ \t]+\S", re.MULTILINE)
_KEY = re.compile(r"([A-Z][A-Za-z/ -]{1,40}?):[ \t]+(\S.{0,1000})")
_HEAVIEST = re.compile(r"Heaviest stack for the (main thread of the )?target process:")
_PROCESS = re.compile(r"Process:[ \t]+(.{1,200}?) \[(\d{1,10})\]")
_THREAD = re.compile(r"  Thread 0x([0-9a-f]{1,16})(?:[ \t]+(.{0,1000}))?")
_QUEUE = re.compile(r'DispatchQueue "([^"]{1,300})"')
_NAME = re.compile(r'Thread name "([^"]{1,300})"')
_FRAME = re.compile(
    r"(?P<depth> {0,2000})(?P<kernel>\*?)(?P<samples>\d{1,9})  {0,8}(?P<function>\S.{0,2000}?)"
    r" \((?:(?P<file>[^()]{1,500}?)(?::(?P<line>\d{1,9})(?:,\d{1,9})?)? in )?(?P<image>[^()]{1,300}?)"
    r"(?: \+ (?P<offset>\d{1,19}))?\)(?: \[0x(?P<address>[0-9a-f]{1,16})\])?(?:\s.{0,300})?"
)
_START = re.compile(r" \+ \d{1,19}$")
_IMAGES = re.compile(r"\s{0,40}Binary Images:")
_MAIN_QUEUE = "com.apple.main-thread"
_UNKNOWN = "???"
_HUNG = ("hang", "spin", "")
_MEASURED = {"cpu usage": "CPU", "wakeups": "Wakeups", "disk writes": "Writes"}
_TYPES = {"cpu usage": "CPU usage", "wakeups": "CPU wake-ups", "disk writes": "Disk writes"}


@dataclass(slots=True)
class _Block:
    """One thread's lines."""

    number: int
    label: str
    lines: list[str] = field(default_factory=list)


class _Call(NamedTuple):
    """A line of a stack."""

    depth: int
    samples: int
    frame: Frame


@dataclass(slots=True)
class _Parts:
    """A report, cut."""

    header: dict[str, str] = field(default_factory=dict)
    heaviest: list[str] = field(default_factory=list)
    is_main: bool = False
    threads: list[_Block] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    unresponsive: str | None = None


def sniff(document: Document) -> bool:
    """True for a text that begins as such a report; the header line of an .ips file is another format's."""
    text = document.text
    return bool(text) and not document.looks_like_json and is_report(text or "")


def is_report(text: str) -> bool:
    """True for the text of such a report."""
    head = text[:_HEAD]
    return "Command:" in head and bool(_COMMAND.search(head)) and bool(_TELLING.search(head))


def parse(document: Document) -> list[CrashLog]:
    """The reports, one after another. Raises MalformedLog when one has no stack."""
    text = document.text or ""
    starts = [found.start() for found in _BEGINNING.finditer(text)][1 : MAX_REPORTS + 1]
    return [read(text[start:end]) for start, end in pairwise([0, *starts, len(text)])]


def read(text: str, format_name: str = FORMAT) -> CrashLog:
    """The same of a text. Raises MalformedLog."""
    parts = _cut(text)
    header = parts.header
    event = (known(header.get("Event")) or "").partition(" (")[0].lower()
    is_hang = event in _HUNG
    images = tuple(image for line in parts.images if (image := apple_frames.read_image(line)))
    places = apple_frames.Places(images)
    threads = tuple(_thread(block, places, parts) for block in parts.threads)
    frames = _flat(parts.heaviest, places) or next((one.frames for one in threads if one.is_crashed), ())
    if not frames:
        raise MalformedLog("The report of a hang or of use is cut short before its stack")
    os_name, os_version, os_build = split_os(header.get("OS Version"))
    version, build = split_version(header.get("Version"), os_name, os_version, is_short_first=True)
    is_killed = "kill" in (header.get("Action taken") or "").lower()
    fault = Fault(
        type="Hang" if is_hang else _TYPES.get(event) or event.capitalize(),
        message=None if is_hang else known(header.get(_MEASURED.get(event, ""))),
        frames=frames,
        mechanism="hang" if is_hang else "resource",
        handled=False if is_killed else None,
    )
    return CrashLog(
        format=format_name,
        platform="apple",
        report_id=known(header.get("Incident Identifier")),
        occurred_at=values.utc_time(header.get("Date/Time")),
        level="fatal" if is_killed else "error" if is_hang else "warning",
        process=known(header.get("Command")),
        process_id=values.integer(header.get("PID")),
        faults=(fault,),
        threads=threads,
        images=images,
        app=AppInfo(identifier=known(header.get("Identifier")), version=version, build=build),
        os=OsInfo(name=os_name, version=os_version, build=os_build),
        device=DeviceInfo(model=known(header.get("Hardware model")), arch=known(header.get("Architecture"))),
        details=present({
            "event": known(header.get("Event")),
            "duration": known(header.get("Duration")),
            "action_taken": known(header.get("Action taken")),
            "parent_process": known(header.get("Parent")),
            "responsible_process": known(header.get("Responsible")),
            "footprint": known(header.get("Footprint")),
        }),
        notes=(f"{parts.unresponsive}",) if parts.unresponsive else (),
    )  # fmt: skip


def _cut(text: str) -> _Parts:
    parts = _Parts()
    lines = text.split("\n")[:MAX_LINES]
    target: str | None = None  # the number of the process that the report is of
    is_target, section = True, parts.heaviest
    state = "header"
    for line in lines:
        process = _PROCESS.match(line)
        if process:
            is_target = process[2] == (parts.header.get("PID") or target or process[2])
            target, state = target or process[2], "process"
        elif heaviest := _HEAVIEST.match(line):
            if not parts.heaviest or (heaviest[1] and not parts.is_main):
                parts.is_main = bool(heaviest[1])
                parts.heaviest.clear()
                state = "heaviest"
            else:
                state = "other"
        elif state == "heaviest" and not line.strip():
            state = "other"
        elif state == "heaviest":
            section.append(line)
        elif is_target and state != "header":
            state = _in_process(parts, line, state)
        elif state == "header" and (key := _KEY.match(line)):
            parts.header.setdefault(key[1], key[2].strip())
    return parts


def _in_process(parts: _Parts, line: str, state: str) -> str:
    """Keep a line of the process; returns where the next one belongs."""
    thread = _THREAD.match(line)
    if thread:
        parts.threads.append(_Block(int(thread[1], 16) & values.MAX_ADDRESS, thread[2] or ""))
        return "thread"
    if _IMAGES.match(line):
        return "images"
    if state == "images":
        parts.images.append(line)
    elif state == "thread" and line.strip():
        parts.threads[-1].lines.append(line)
    elif state == "process" and (key := _KEY.match(line)):
        if key[1] == "Note" and key[2].startswith("Unresponsive"):
            parts.unresponsive = values.clean(key[2].strip())
        parts.header.setdefault(key[1], key[2].strip())
    return state


def _thread(block: _Block, places: apple_frames.Places, parts: _Parts) -> Thread:
    queue, name = _QUEUE.search(block.label), _NAME.search(block.label)
    is_main = queue is not None and queue[1] == _MAIN_QUEUE
    return Thread(
        index=block.number,
        name=known(name[1]) if name else None,
        queue=known(queue[1]) if queue else None,
        is_crashed=is_main and (parts.is_main or not parts.heaviest),
        frames=_heaviest(block.lines, places),
    )


def _flat(lines: list[str], places: apple_frames.Places) -> tuple[Frame, ...]:
    """The frames of a stack that is listed from the outermost call inwards, the innermost first."""
    frames = tuple(one.frame for line in lines if (one := _read(line)))
    return values.bounded(list(places.place(frames))[::-1])


def _heaviest(lines: list[str], places: apple_frames.Places) -> tuple[Frame, ...]:
    """The way through a tree of calls that most samples went at each call, the innermost call first."""
    calls = [one for line in lines[:MAX_CALLS] if (one := _read(line))]
    behind = _behind(calls)
    way: list[Frame] = []
    start, end = 0, len(calls)
    while start < end:
        chosen = at = start
        while at < end:
            if calls[at].samples > calls[chosen].samples:
                chosen = at
            at = behind[at]
        way.append(calls[chosen].frame)
        start, end = chosen + 1, behind[chosen]
    return values.bounded(list(places.place(tuple(way)))[::-1])


def _behind(calls: list[_Call]) -> list[int]:
    """Of each call the index of the next one that it has not made, in one pass from the end."""
    behind = [len(calls)] * len(calls)
    later: list[int] = []
    for at in range(len(calls) - 1, -1, -1):
        while later and calls[later[-1]].depth > calls[at].depth:
            later.pop()
        if later:
            behind[at] = later[-1]
        later.append(at)
    return behind


def _read(line: str) -> _Call | None:
    """A line of a stack; None for others, and for calls within the kernel."""
    found = _FRAME.fullmatch(line[:MAX_LINE])
    if found is None or found["kernel"]:
        return None
    spoken = _START.sub("", found["function"])
    address = int(found["address"], 16) if found["address"] else None
    offset = int(found["offset"]) if found["offset"] else None
    base = address - offset if address is not None and offset is not None and address > offset else None
    frame = Frame(
        function=known(spoken) if spoken != _UNKNOWN else None,
        file=known(found["file"]),
        line=values.integer(found["line"]),
        image=known(found["image"]) if found["image"] != _UNKNOWN else None,
        address=address,
        image_address=base,
        offset=offset if spoken == _UNKNOWN else None,
    )
    return _Call(len(found["depth"]), int(found["samples"]), frame)
