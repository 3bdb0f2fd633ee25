"""Numbers and spellings that the Apple formats share: signals, Mach exceptions, CPU types, uncaught exceptions, versions.

Source: Darwin `sys/signal.h`, `mach/exception_types.h`, `mach/machine.h` (xnu 10002).
"""

import re
from typing import Any

from app.parsers.values import address, integer, text

SIGNALS = {
    1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGEMT", 8: "SIGFPE",
    9: "SIGKILL", 10: "SIGBUS", 11: "SIGSEGV", 12: "SIGSYS", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
    24: "SIGXCPU", 25: "SIGXFSZ", 30: "SIGUSR1", 31: "SIGUSR2",
}  # fmt: skip
MACH_EXCEPTIONS = {
    1: "EXC_BAD_ACCESS", 2: "EXC_BAD_INSTRUCTION", 3: "EXC_ARITHMETIC", 4: "EXC_EMULATION", 5: "EXC_SOFTWARE",
    6: "EXC_BREAKPOINT", 7: "EXC_SYSCALL", 8: "EXC_MACH_SYSCALL", 9: "EXC_RPC_ALERT", 10: "EXC_CRASH",
    11: "EXC_RESOURCE", 12: "EXC_GUARD", 13: "EXC_CORPSE_NOTIFY",
}  # fmt: skip
MEMORY_FAULTS = {"EXC_BAD_ACCESS", "SIGSEGV", "SIGBUS"}
"""Faults whose address says something."""

_ARM_SUBTYPES = {5: "armv4t", 6: "armv6", 7: "armv5", 9: "armv7", 10: "armv7f", 11: "armv7s", 12: "armv7k"}
_CPU_TYPES = {7: "i386", 18: "ppc", 0x1000007: "x86_64", 0x1000012: "ppc64", 0x200000C: "arm64_32"}
_CODE_TYPES = {"arm-64": "arm64", "arm": "arm", "x86-64": "x86_64", "x86": "i386", "ppc": "ppc", "ppc-64": "ppc64"}
_NOTHING = {"", "???", "todo", "(null)", "<none>", "null", "unknown"}
_UNCAUGHT = "uncaught exception"
_OF_TYPE = re.compile(r"uncaught (?:foreign )?exception of type ([^\n:]{1,200}(?:::[^\n:]{1,200}){0,9})(?:: ([^\n]+))?")
_NAMED = re.compile(r"uncaught exception:? '([^'\n]{1,300})',? *(?:reason: *)?")

_OLD_IOS = ("iphone os", "ios", "ipados", "ipad os", "watch os", "watchos", "apple tvos", "tvos")


def known(value: Any) -> str | None:
    """The text without outer white space, or None when it is one of the ways to say "unknown"."""
    if value is None:
        return None
    found = (text(value) or "").strip()
    return None if found.lower() in _NOTHING else found


def signal_name(number: Any) -> str | None:
    """The name of a Darwin signal, "Signal 99" for a number without a name, None for 0 or no number."""
    value = integer(number)
    return None if not value else SIGNALS.get(value, f"Signal {value}")


def mach_name(number: Any) -> str | None:
    """The name of a Mach exception, None for 0 or no number."""
    value = integer(number)
    return None if not value else MACH_EXCEPTIONS.get(value, f"EXC_{value}")


def cpu_name(cpu_type: Any, cpu_subtype: Any) -> str | None:
    """The architecture of a Mach-O CPU type and subtype, as `lipo` spells it."""
    kind, subtype = integer(cpu_type), (integer(cpu_subtype) or 0) & 0xFFFFFF
    if kind == 12:
        return _ARM_SUBTYPES.get(subtype, "arm")
    if kind == 0x100000C:
        return "arm64e" if subtype == 2 else "arm64"
    return _CPU_TYPES.get(kind) if kind is not None else None


def code_type(value: Any) -> str | None:
    """The architecture behind "ARM-64 (Native)" or "X86-64", as `lipo` spells it; other words as they are."""
    name = (known(value) or "").split(" (")[0].strip()
    return _CODE_TYPES.get(name.lower(), name or None)


def memory_code(code: str | None, at: Any) -> str | None:
    """ "KERN_INVALID_ADDRESS at 0x8" out of the name of a code and the address of a memory fault."""
    where = address(at)
    return f"{code} at {where:#x}" if code and where is not None else code


def is_zero(codes: str) -> bool:
    """True when exception codes such as "0x0000, 0x0000" or "0x00000000 at 0x3618da1c" say nothing."""
    first = codes.split(" at ")[0].replace(",", " ").split()
    return all(part.lower().removeprefix("0x").strip("0") == "" for part in first)


def uncaught_exception(information: str) -> tuple[str, str | None] | None:
    """(name, reason) out of the sentence that Foundation or the C++ runtime leaves, else None.

    Foundation: "uncaught exception 'NSRangeException', reason: '...'"; libc++abi: "of type std::out_of_range: ...".
    "of type NSException" names no exception, so it does not count.
    """
    if _UNCAUGHT not in information and "exception of type" not in information:
        return None
    named = _NAMED.search(information)
    if named:
        return named[1], _reason(information, named.end())
    typed = _OF_TYPE.search(information)
    if typed and typed[1].strip() not in ("NSException", "NSException *"):
        return typed[1].strip(), typed[2]
    return None


def _reason(information: str, start: int) -> str | None:
    if not information.startswith("'", start):
        return information[start:].split("\n")[0].strip() or None
    end = information.find("'\n", start + 1)
    rest = information[start + 1 : end] if end >= 0 else information[start + 1 :].rstrip()
    return (rest.removesuffix("'") if end < 0 else rest) or None


def split_os(value: str | None) -> tuple[str | None, str | None, str | None]:
    """(name, version, build) out of "iPhone OS 15.2.1 (19C63)"."""
    words, _, build = (known(value) or "").partition(" (")
    name, _, version = words.strip().rpartition(" ")
    if not version[:1].isdigit():
        name, version = words.strip(), ""
    return known(name), known(version), known(build.rstrip(") ").removeprefix("Build "))


def split_version(
    value: str | None, os_name: str | None, os_version: str | None, is_short_first: bool
) -> tuple[str | None, str | None]:
    """(version, build) out of a `Version:` line, which has both orders.

    macOS, PLCrashReporter (bare signal) and what is made from .ips: version (build). ReportCrash before iOS 15 and
    KSCrash: build (version). On iOS the shape decides where it can: a build has no dot more often than a version.
    """
    first, bracket, second = (known(value) or "").partition(" (")
    first, second = first.strip(), second.rstrip(") ")
    if not bracket:
        return known(first), None
    is_ios = (os_name or "").lower() in _OLD_IOS
    major = integer((os_version or "").split(".")[0])
    is_build_first = is_ios and not is_short_first and (major or 0) < 15
    if is_ios and ("." in first) != ("." in second):
        is_build_first = "." in second
    return (known(second), known(first)) if is_build_first else (known(first), known(second))
