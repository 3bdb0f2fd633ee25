"""What kind of end an occurrence was: a crash, an ANR, a crash of native code, out of memory, or an error that was caught.

Read from what every format tells: how the fault was caught, whether it was handled, who ended the process. Sources of the
names: Sentry's and Bugsnag's SDKs for Android and Cocoa, KSCrash's error types (2024 to 2026).
"""

from app.crashes.log import CrashLog, Fault
from app.crashes.termination import termination

CRASH, ANR, NATIVE, NON_FATAL, OUT_OF_MEMORY = "crash", "anr", "native", "non_fatal", "out_of_memory"
KINDS = (CRASH, ANR, NATIVE, NON_FATAL, OUT_OF_MEMORY)

_HANGS = frozenset(
    {"anr", "anrerror", "apphang", "app hang", "appexitinfo", "historicalappexitinfo", "deadlock", "hang"}
)
_MEMORY = frozenset({"jetsam", "memory_termination", "outofmemory", "out_of_memory", "watchdog_termination"})
"""Mechanisms, in small letters."""
_HUNG_TYPES = frozenset({"ANR", "App Hang", "App Hanging", "ApplicationNotResponding"})
_MEMORY_TYPES = frozenset({"Out Of Memory", "OutOfMemory", "WatchdogTermination", "java.lang.OutOfMemoryError"})
_WATCHDOG = 0x8BADF00D  # an app on Apple's systems did not answer in time
_APPLE = frozenset({"apple-text", "apple-ips", "kscrash-json", "plcrash", "apple-metrickit"})
"""Formats of Apple's systems that hold crashes alone, but for what a program asked for."""
_NO_ERROR = frozenset({"debug", "info", "log", "warning"})
_USER_REPORTED = "user"  # KSCrash's mechanism of a report that the program asked for


def kind(log: CrashLog) -> str | None:
    """One of KINDS; None where the log does not tell."""
    fault = log.faults[0] if log.faults else Fault()
    mechanism = (fault.mechanism or "").lower()
    if mechanism in _HANGS or fault.type in _HUNG_TYPES:
        return ANR
    if mechanism in _MEMORY:
        return OUT_OF_MEMORY
    if fault.handled or (fault.handled is None and log.level in _NO_ERROR):
        return NON_FATAL
    if fault.type in _MEMORY_TYPES or "RESOURCE_TYPE_MEMORY" in (fault.code or ""):
        return OUT_OF_MEMORY
    if log.platform == "apple" and (ended := termination(log)):
        if ended.namespace == "JETSAM":
            return OUT_OF_MEMORY
        return ANR if ended.code == _WATCHDOG else CRASH
    if fault.handled is None and not (log.level == "fatal" or mechanism == "panic" or _is_apples(log, mechanism)):
        return None
    return NATIVE if log.platform == "native" or (fault.signal and log.platform == "java") else CRASH


def handled(log: CrashLog, its_kind: str | None) -> bool | None:
    """Whether the program caught it: as the log says, else what its kind says; None where neither tells."""
    said = log.faults[0].handled if log.faults else None
    return (its_kind == NON_FATAL) if said is None and its_kind else said


def _is_apples(log: CrashLog, mechanism: str) -> bool:
    return log.format in _APPLE and mechanism != _USER_REPORTED and log.faults != (Fault(),)
