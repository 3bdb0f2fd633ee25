"""The parts of a KSCrash JSON report: error, threads, images, breadcrumbs. Source and fields: see kscrash.py."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from app.crashes.log import BinaryImage, Breadcrumb, Fault, Frame, Thread
from app.parsers import kscrash_state, values
from app.parsers.apple_names import (
    MEMORY_FAULTS,
    cpu_name,
    known,
    mach_name,
    memory_code,
    signal_name,
)
from app.parsers.values import items, mapping, text

_DETAILS = {"nsexception": "nsexception", "cpp_exception": "cpp_exception", "user": "user_reported"}
_KERNEL_CODES = {1: "KERN_INVALID_ADDRESS", 2: "KERN_PROTECTION_FAILURE"}  # mach/kern_return.h, for EXC_BAD_ACCESS
_MICROSECONDS = 1_000_000
_LATEST_SECONDS = 10**11  # the year 5138; a larger count is in milli- or microseconds
_LATEST_MILLISECONDS = 10**14
_PLACE = re.compile(r"(.{1,2000}):(\d{1,9})(?::(\d{1,9}))?")


def read_time(value: Any, version: tuple[int, int]) -> datetime | None:
    """The time out of ISO text, seconds (before 3.3) or microseconds (from 3.3 on); a size that betrays the unit wins.

    A device whose clock was never set reports January 1970: that is kept. Only below 3 hours of 1970 would microseconds
    look like today's seconds, and forks that call themselves 3.3 and write seconds are likelier.
    """
    count = values.integer(value)
    if count is None:
        return values.unix_time(value) if isinstance(value, float) else values.utc_time(value)
    if abs(count) >= _LATEST_MILLISECONDS:
        return values.unix_time(count, _MICROSECONDS)
    if version >= (3, 3) and not 10**9 <= count < 10**10:
        return values.unix_time(count, _MICROSECONDS)
    return values.unix_time(count, 1000 if abs(count) >= _LATEST_SECONDS else 1)


def read_fault(crash: dict[str, Any], image_message: str | None, handled: bool | None) -> Fault:
    """The crash itself. Reason: error.reason, nsexception.reason, the crashed image's message, the diagnosis."""
    error = mapping(crash.get("error"))
    kind = _kind(error)
    details = mapping(error.get(_DETAILS.get(kind or "", "")))
    signal = mapping(error.get("signal"))
    reason = known(error.get("reason")) or known(details.get("reason")) or _memory_reason(error, kind)
    return Fault(
        type=_type(error, kind, details),
        message=reason or image_message or known(crash.get("diagnosis")),
        frames=_custom_stack(details.get("backtrace")),
        signal=known(signal.get("name")) or signal_name(signal.get("signal")),
        code=_code(error),
        handled=handled,
        mechanism=kind,
    )


def _kind(error: dict[str, Any]) -> str | None:
    kind = known(error.get("type"))
    if kind:
        return kind
    for name, details in _DETAILS.items():
        if mapping(error.get(details)):
            return name
    return next((name for name in ("mach", "signal") if mapping(error.get(name))), None)


def _type(error: dict[str, Any], kind: str | None, details: dict[str, Any]) -> str | None:
    mach, signal = mapping(error.get("mach")), mapping(error.get("signal"))
    named = known(details.get("name"))
    if kind in _DETAILS:
        return named or {"nsexception": "NSException", "cpp_exception": "C++ exception", "user": None}[kind]
    if kind == "termination" and (ended := kscrash_state.termination(error)):
        return ended
    if kind not in (None, "mach", "signal"):
        return "".join(word.capitalize() for word in re.split(r"[\W_]+", kind)) or kind
    return (
        known(mach.get("exception_name"))
        or mach_name(mach.get("exception"))
        or known(signal.get("name"))
        or signal_name(signal.get("signal"))
    )


def _code(error: dict[str, Any]) -> str | None:
    mach, signal = mapping(error.get("mach")), mapping(error.get("signal"))
    names = {known(mach.get("exception_name")), mach_name(mach.get("exception")), known(signal.get("name"))}
    is_memory_fault = bool(names & MEMORY_FAULTS)
    name = known(mach.get("code_name")) or _code_number(mach, error.get("address"), is_memory_fault)
    if not name:
        spoken = known(signal.get("code_name"))
        name = None if spoken and spoken.endswith("NOOP") else spoken
    return memory_code(name, error.get("address")) if is_memory_fault else name


def _code_number(mach: dict[str, Any], at: Any, is_memory_fault: bool) -> str | None:
    number, where = values.address(mach.get("code")), values.address(at)
    if not number or (where is not None and number == where & 0xFFFFFFFF):
        return None  # writers before report 3.3 put half of the address where the code belongs
    return _KERNEL_CODES.get(number, f"{number:#x}") if is_memory_fault else f"{number:#x}"


def _memory_reason(error: dict[str, Any], kind: str | None) -> str | None:
    memory = mapping(error.get("memory_termination"))
    said = [(word, known(memory.get(f"memory_{word}"))) for word in ("pressure", "level")]
    sizes = ", ".join(f"memory {word} {value}" for word, value in said if value)
    return sizes or None if kind == "memory_termination" else None


def _custom_stack(backtrace: Any) -> tuple[Frame, ...]:
    lines = backtrace.split("\n") if isinstance(backtrace, str) else items(backtrace)
    frames = [_custom_frame(line) for line in halves(lines)]
    return values.bounded([frame for frame in frames if frame])


def _custom_frame(line: Any) -> Frame | None:
    if isinstance(line, str):
        return Frame(function=line.strip()) if (line := values.clean(line)).strip() else None
    entry = mapping(line)
    names = (known(entry.get(key)) for key in ("methodName", "method", "function", "symbol"))
    function = next(filter(None, names), None)
    file = known(entry.get("file"))
    place = _PLACE.fullmatch(file) if file and "lineNumber" not in entry else None
    row, column = values.integer(entry.get("lineNumber")), values.integer(entry.get("column"))
    if place:
        file, row, column = place[1], int(place[2]), int(place[3]) if place[3] else column
    if not function and not file:
        return None
    return Frame(function=function, file=file, line=row, column=column)


def halves(entries: list[Any]) -> list[Any]:
    """The entries that can survive `values.bounded`: first and last half of an overlong list."""
    half = values.MAX_FRAMES // 2
    return entries if len(entries) <= values.MAX_FRAMES else entries[:half] + entries[-half:]


def read_threads(crash: dict[str, Any]) -> Iterator[Thread]:
    """All threads in the order of the report. `crashed_thread`, a single object, is what a handler's crash has."""
    threads = crash.get("threads")
    found = [threads] if isinstance(threads, dict) else [entry for entry in items(threads) if isinstance(entry, dict)]
    for position, entry in enumerate(found):
        yield _thread(entry, position, entry.get("crashed") is True)
    crashed = mapping(crash.get("crashed_thread"))
    if crashed and not any(entry.get("crashed") is True for entry in found):
        yield _thread(crashed, len(found), True)


def _thread(entry: dict[str, Any], position: int, is_crashed: bool) -> Thread:
    index = values.integer(entry.get("index"))
    registers = mapping(entry.get("registers"))
    return Thread(
        index=position if index is None else index,
        name=known(entry.get("name")),
        queue=known(entry.get("dispatch_queue")),
        is_crashed=is_crashed,
        state=known(entry.get("state")),
        frames=_frames(entry.get("backtrace")),
        registers={**_registers(registers.get("exception")), **_registers(registers.get("basic"))},
    )


def _registers(section: Any) -> dict[str, int]:
    found = ((text(name), values.address(value)) for name, value in mapping(section).items())
    return {name: value for name, value in found if name and value is not None}


def _frames(backtrace: Any) -> tuple[Frame, ...]:
    contents = items(mapping(backtrace).get("contents")) or items(backtrace)
    return values.bounded([_frame(entry) for entry in halves(contents) if isinstance(entry, dict) and entry])


def _frame(entry: dict[str, Any]) -> Frame:
    function = known(entry.get("symbol_name"))
    at, start = values.address(entry.get("instruction_addr")), values.address(entry.get("symbol_addr"))
    base, image = values.address(entry.get("object_addr")), values.basename(entry.get("object_name"))
    if function and function == image and start is not None and start == base:
        function = start = None  # the image stands for a function that was not found
    origin = start if function else base
    offset = at - origin if at is not None and origin is not None else -1
    return Frame(
        function=function,
        image=image,
        address=at,
        image_address=base,
        symbol_address=start,
        offset=offset if offset >= 0 else None,
    )


def read_images(entries: Any) -> tuple[BinaryImage, ...]:
    """The binary images in the order of the report."""
    return tuple(_image(entry) for entry in items(entries) if isinstance(entry, dict) and entry)


def _image(entry: dict[str, Any]) -> BinaryImage:
    path = known(entry.get("name"))
    return BinaryImage(
        name=values.basename(path),
        path=path if path and "/" in path else None,
        debug_id=known(entry.get("uuid")),
        arch=cpu_name(entry.get("cpu_type"), entry.get("cpu_subtype")),
        address=values.address(entry.get("image_addr")),
        size=values.address(entry.get("image_size")),
    )


def read_breadcrumbs(entries: Any) -> tuple[Breadcrumb, ...]:
    """Breadcrumbs of the Sentry and Bugsnag forks, oldest first as they stand."""
    return tuple(_breadcrumb(entry) for entry in items(entries) if isinstance(entry, dict))


def _breadcrumb(entry: dict[str, Any]) -> Breadcrumb:
    data = values.plain_json(mapping(entry.get("data")) or mapping(entry.get("metaData")))
    return Breadcrumb(
        time=read_time(entry.get("timestamp"), (0, 0)),
        category=known(entry.get("category")) or known(entry.get("type")),
        level=known(entry.get("level")),
        message=known(entry.get("message")) or known(entry.get("name")),
        data=data if isinstance(data, dict) else {},
    )
