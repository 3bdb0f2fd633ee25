"""JetsamEvent files of Apple's systems (.ips of bug type 298): which process the system ended when memory ran out.

Source: Apple, "Identifying high-memory use with jetsam event reports" (iOS 13 to 26). Of several processes that were
ended the largest one counts if the event names it, else the app that was in front, else the one with most memory. Left
out on purpose: the processes that lived on, zones, coalitions.
"""

from typing import Any

from app.crashes.log import AppInfo, BinaryImage, CrashLog, DeviceInfo, Fault, OsInfo
from app.errors import MalformedLog
from app.parsers import apple_state, values
from app.parsers.apple_names import known, split_os
from app.parsers.values import items, mapping

BUG_TYPE = "298"
MAX_PROCESSES = 5_000
_KEYS = {"largestProcess", "processes", "memoryStatus"}
_IN_FRONT = "frontmost"


def is_body(body: dict[str, Any]) -> bool:
    """True for the body of such a file."""
    return len(_KEYS & body.keys()) >= 2 and isinstance(body.get("processes"), list)


def read(header: dict[str, Any], body: dict[str, Any], format_name: str) -> CrashLog:
    """The end of the process as a crash report. Raises MalformedLog when the event ended none."""
    listed = [entry for entry in items(body.get("processes"))[:MAX_PROCESSES] if isinstance(entry, dict)]
    ended = [entry for entry in listed if known(entry.get("reason"))]
    if not ended:
        raise MalformedLog("The jetsam event names no process that the system ended")
    largest = known(body.get("largestProcess"))
    process = max(ended, key=lambda entry: _weight(entry, largest))
    name, reason = known(process.get("name")), known(process.get("reason"))
    system = split_os(known(body.get("build")) or known(header.get("os_version")))
    uuid = known(process.get("uuid"))
    return CrashLog(
        format=format_name,
        platform="apple",
        report_id=known(body.get("incident")) or known(header.get("incident_id")),
        occurred_at=values.utc_time(body.get("date")) or values.utc_time(header.get("timestamp")),
        level="fatal",
        process=name,
        process_id=values.integer(process.get("pid")),
        faults=(Fault(type=f"Out of memory: {reason}", handled=False, mechanism="jetsam"),),
        images=(BinaryImage(name=name, debug_id=uuid),) if uuid else (),
        app=AppInfo(name=name),
        os=OsInfo(*system),
        device=DeviceInfo(model=known(body.get("product")), install_id=known(body.get("crashReporterKey"))),
        details=_details(process, mapping(body.get("memoryStatus")), largest),
        notes=("The system ended the process because memory ran out: there is no stack",),
    )


def _weight(process: dict[str, Any], largest: str | None) -> tuple[bool, bool, int]:
    is_largest = largest is not None and known(process.get("name")) == largest
    return is_largest, _IN_FRONT in items(process.get("states")), values.integer(process.get("rpages")) or 0


def _details(process: dict[str, Any], memory: dict[str, Any], largest: str | None) -> apple_state.Details:
    """Sizes in bytes."""
    page = values.integer(memory.get("pageSize"))

    def size(pages: Any) -> int | None:
        number = values.integer(pages)
        return values.integer(number * page) if number is not None and page else None

    states = [state for entry in items(process.get("states")) if (state := known(entry))]
    return apple_state.present({
        "state": ", ".join(states) or None,
        "foreground": _IN_FRONT in states if states else None,
        "memory_footprint": size(process.get("rpages")),
        "highest_memory_footprint": size(process.get("lifetimeMax")),
        "free_memory": size(mapping(memory.get("memoryPages")).get("free")),
        "largest_process": largest,
    })  # fmt: skip
