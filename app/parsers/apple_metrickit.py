"""Apple MetricKit: the diagnostic payload's JSON, and a call stack tree alone.

Source: Apple's documentation of MXDiagnosticPayload, MXCrashDiagnostic and MXCallStackTree (`jsonRepresentation`, iOS 14
to 18). Each crash diagnostic is one crash report; hangs and resource diagnostics are none. A tree alone says no more than
its frames. A frame nests the one that called it. Where threads are not distinguished the tree is of samples: the report
follows the child sampled most often and says so. The load address is address minus offset where that is a page's start.
Addresses are not symbolicated by MetricKit. Left out on purpose: the other diagnostics of the payload.
"""

import re
from datetime import datetime
from typing import Any

from app.crashes.log import AppInfo, BinaryImage, CrashLog, DeviceInfo, Fault, Frame, OsInfo, Thread
from app.errors import MalformedLog
from app.parsers import apple_state, values
from app.parsers.apple_names import mach_name, signal_name
from app.parsers.document import Document

FORMAT = "apple-metrickit"
PAGE = 4096  # bytes; every image is loaded at a multiple of it

_KINDS = """
crashDiagnostics hangDiagnostics cpuExceptionDiagnostics diskWriteExceptionDiagnostics appLaunchDiagnostics"""
_DIAGNOSTICS = frozenset(_KINDS.split())
_OF_OTHERS = {  # what the other diagnostics measure -> what they are
    "hangDuration": "a hang",
    "totalCPUTime": "too much CPU use",
    "writesCaused": "too many writes to disk",
    "launchDuration": "a slow start",
}
_SYSTEM = re.compile(r"(?P<name>[A-Za-z][A-Za-z ]{0,30}?) (?P<version>\d[\d.]{0,20})(?: \((?P<build>\w{1,20})\))?")
_KERN = {1: "KERN_INVALID_ADDRESS", 2: "KERN_PROTECTION_FAILURE"}
_NAMES = {"iPhone OS": "iOS"}


def sniff(document: Document) -> bool:
    """True for a payload with lists of diagnostics, for one diagnostic, and for a tree with call stacks."""
    value = document.json
    if not isinstance(value, dict):
        return False
    if any(isinstance(value.get(kind), list) for kind in _DIAGNOSTICS):
        return True
    return _is_tree(value) or (_is_tree(value.get("callStackTree")) and "diagnosticMetaData" in value)


def parse(document: Document) -> list[CrashLog]:
    """One crash report per crash diagnostic; none when the payload has other diagnostics only. Raises MalformedLog."""
    value = values.mapping(document.json)
    if _is_tree(value):
        return [_tree_alone(value)]
    if any(kind in value for kind in _DIAGNOSTICS):
        crashes = [each for each in values.items(value.get("crashDiagnostics")) if isinstance(each, dict)]
        listed = values.items(value.get("crashDiagnostics"))
        if listed and not crashes:
            raise MalformedLog("The MetricKit payload's crash diagnostics are no objects")
        when = _time(value.get("timeStampBegin")), _time(value.get("timeStampEnd"))
        return [_diagnostic(each, when) for each in crashes]
    about = values.mapping(value.get("diagnosticMetaData"))
    other = next((about_name for key, about_name in _OF_OTHERS.items() if key in about), None)
    if other:
        raise MalformedLog(f"The MetricKit diagnostic is of {other}, not of a crash")
    return [_diagnostic(value, (None, None))]


def _is_tree(value: Any) -> bool:
    stacks = values.mapping(value).get("callStacks")
    return isinstance(stacks, list) and any("callStackRootFrames" in values.mapping(stack) for stack in stacks)


def _tree_alone(tree: dict[str, Any]) -> CrashLog:
    threads, notes = _threads(tree)
    if not any(thread.frames for thread in threads):
        raise MalformedLog("The MetricKit call stack tree holds no frames")
    notes = ("A call stack tree alone names no exception", *notes)
    return CrashLog(
        format=FORMAT, platform="apple", faults=(Fault(),), threads=threads, images=_images(threads, tree), notes=notes
    )


def _diagnostic(diagnostic: dict[str, Any], when: tuple[datetime | None, datetime | None]) -> CrashLog:
    about, tree = values.mapping(diagnostic.get("diagnosticMetaData")), values.mapping(diagnostic.get("callStackTree"))
    threads, notes = _threads(tree)
    begin, end = when
    period = f"The crash lies between {begin:%Y-%m-%d %H:%M} and {end:%Y-%m-%d %H:%M} UTC" if begin and end else None
    system = _SYSTEM.match(values.text(about.get("osVersion")) or "")
    return CrashLog(
        format=FORMAT,
        platform="apple",
        occurred_at=begin if begin == end else None,
        process_id=values.integer(about.get("pid")),
        faults=(_fault(about),),
        threads=threads,
        images=_images(threads, tree),
        app=AppInfo(
            identifier=values.text(about.get("bundleIdentifier")),
            version=values.text(about.get("appVersion")) or values.text(diagnostic.get("version")),
            build=values.text(about.get("appBuildVersion")),
        ),
        os=OsInfo(
            name=_NAMES.get(system["name"], system["name"]) if system else None,
            version=system["version"] if system else values.text(about.get("osVersion")),
            build=system["build"] if system else None,
        ),
        device=DeviceInfo(
            model=values.text(about.get("deviceType")), arch=values.text(about.get("platformArchitecture"))
        ),
        details=_details(about),
        notes=(*notes, *((period,) if period and begin != end else ())),
    )


def _fault(about: dict[str, Any]) -> Fault:
    reason = values.mapping(about.get("objectiveCexceptionReason"))
    mach, signal = mach_name(about.get("exceptionType")), signal_name(about.get("signal"))
    message = values.text(reason.get("composedMessage"))
    ended, region = (values.text(about.get(key)) for key in ("terminationReason", "virtualMemoryRegionInfo"))
    number = values.integer(about.get("exceptionCode"))
    code = None if number is None else str(number)
    if mach == "EXC_BAD_ACCESS" and number in _KERN:
        code = _KERN[number]
    return Fault(
        type=values.text(reason.get("exceptionName")) or mach or signal,
        message=message or ended or region,
        signal=signal,
        code=code if number or not _killed(ended) else _killed(ended),
        handled=False,
        mechanism="nsexception" if reason else "mach" if mach else None,
    )


def _killed(ended: str | None) -> str | None:
    """`RUNNINGBOARD 0xdead10cc` of a process that the system ended."""
    told = apple_state.spoken_termination(ended) if ended and ended.startswith("Namespace ") else None
    return told if told and not told.startswith("SIGNAL") else None


def _details(about: dict[str, Any]) -> apple_state.Details:
    return apple_state.present({
        "termination": _killed(values.text(about.get("terminationReason"))),
        "low_power_mode": values.boolean(about.get("lowPowerModeEnabled")) or None,
        "test_flight": values.boolean(about.get("isTestFlightApp")) or None,
    })  # fmt: skip


def _threads(tree: dict[str, Any]) -> tuple[tuple[Thread, ...], tuple[str, ...]]:
    """The call stacks, and notes about what was chosen in them."""
    is_per_thread = tree.get("callStackPerThread") is True
    read, has_chosen = [], False
    for index, stack in enumerate(values.items(tree.get("callStacks"))):
        thread = values.mapping(stack)
        frames, chose = _frames(thread.get("callStackRootFrames"))
        has_chosen = has_chosen or chose
        is_crashed = thread.get("threadAttributed") is True
        read.append(Thread(index=index, is_crashed=is_crashed, frames=frames))
    if not is_per_thread and len(read) == 1 and not read[0].is_crashed:
        read = [Thread(index=0, is_crashed=True, frames=read[0].frames)]
    note = "The call stacks are trees of samples: of each the branch sampled most often is shown"
    return tuple(read), (note,) if has_chosen else ()


def _frames(roots: Any) -> tuple[tuple[Frame, ...], bool]:
    """The frames from the root inwards to its callers, and whether there were branches to choose from."""
    found: list[Frame] = []
    has_chosen = False
    level = [entry for entry in values.items(roots) if isinstance(entry, dict)]
    while level:
        has_chosen = has_chosen or len(level) > 1
        entry = max(level, key=_samples)
        found.append(_frame(entry))
        level = [child for child in values.items(entry.get("subFrames")) if isinstance(child, dict)]
    return values.bounded(found), has_chosen


def _samples(entry: dict[str, Any]) -> int:
    return values.integer(entry.get("sampleCount")) or 0


def _frame(entry: dict[str, Any]) -> Frame:
    at, offset = values.address(entry.get("address")), values.address(entry.get("offsetIntoBinaryTextSegment"))
    start = at - offset if at is not None and offset is not None and at >= offset else None
    return Frame(
        image=values.basename(entry.get("binaryName")),
        address=at,
        image_address=start if start and start % PAGE == 0 else None,
        offset=offset,
    )


def _images(threads: tuple[Thread, ...], tree: dict[str, Any]) -> tuple[BinaryImage, ...]:
    """The images that the tree's frames lie in, each once, with the load address where a frame gives it."""
    starts = {frame.image: frame.image_address for thread in threads for frame in thread.frames if frame.image_address}
    found: dict[tuple[str | None, str | None], BinaryImage] = {}
    waiting = [root for stack in values.items(tree.get("callStacks")) for root in _children(stack)]
    while waiting:
        entry = waiting.pop()
        name, debug_id = values.basename(entry.get("binaryName")), values.text(entry.get("binaryUUID"))
        if name or debug_id:
            found.setdefault((name, debug_id), BinaryImage(name=name, debug_id=debug_id, address=starts.get(name)))
        waiting += _children(entry)
    return tuple(sorted(found.values(), key=lambda image: (image.name or "", image.debug_id or "")))


def _children(value: Any) -> list[dict[str, Any]]:
    entry = values.mapping(value)
    listed = values.items(entry.get("callStackRootFrames")) or values.items(entry.get("subFrames"))
    return [child for child in listed if isinstance(child, dict)]


def _time(value: Any) -> datetime | None:
    """A payload's `2021-07-21 12:30:00` (UTC), also with ` +0000` or fractions."""
    return values.utc_time(value)
