"""Exceptions, threads, frames and binary images of a Measure event.

Source: the event schema of Measure's SDKs and backend (measure-sh/measure, 2025 and 2026): `exceptions`, `threads`,
`binary_images`. Binary addresses are hex without 0x; `symbol_address` is where the frame was executing (binary address +
`offset`). `in_app` false is what the backend fills in where an SDK does not say, so only true is believed.
Left out on purpose: `fingerprint`, the NSError of `error`, column 0 and line 0, which mean unknown.
"""

from dataclasses import replace
from typing import Any

from app.crashes.log import BinaryImage, Fault, Frame, Thread
from app.parsers import values

MAX_FAULTS = 100  # exceptions kept of one event
_NATIVE_LINE = -2  # java.lang.StackTraceElement's mark of a native method
_PLATFORMS = {"apple": "apple", "dart": "dart", "js": "javascript", "jvm": "java"}


def listed(value: Any) -> list[dict[str, Any]]:
    """The objects of a list, else none."""
    return [entry for entry in values.items(value) if isinstance(entry, dict) and entry]


def platform(body: dict[str, Any], system: str | None) -> str | None:
    """What the stacks are of: the framework where it is named, else what the first frame looks like, else the system."""
    framework = _PLATFORMS.get(values.text(body.get("framework")) or "")
    if framework:
        return framework
    first = next((frame for each in listed(body.get("exceptions")) for frame in listed(each.get("frames"))), {})
    if first.get("binary_name"):
        return "apple"
    if first.get("class_name"):
        return "java"
    return {"android": "java", "ios": "apple"}.get((system or "").lower())


def faults(body: dict[str, Any], mechanism: str) -> tuple[Fault, ...]:
    """The exceptions, outermost first as the SDKs list them; each that follows is the cause of the one before.

    An entry without type, message and signal is what a Dart chain has behind an asynchronous gap: its frames go on there.
    """
    severity = values.text(body.get("severity"))
    handled = severity.lower() == "handled" if severity else values.boolean(body.get("handled"))
    read: list[Fault] = []
    for entry in listed(body.get("exceptions"))[:MAX_FAULTS]:
        kind, message, signal = (values.text(entry.get(key)) for key in ("type", "message", "signal"))
        stack = frames(entry.get("frames"))
        if read and not (kind or message or signal):
            if stack:
                stack = (replace(stack[0], note="behind an asynchronous gap"), *stack[1:])
                read[-1] = replace(read[-1], frames=values.bounded([*read[-1].frames, *stack]))
            continue
        read.append(
            Fault(
                type=kind or signal,
                message=message,
                frames=stack,
                relation="cause" if read else None,
                parent=len(read) - 1 if read else None,
                signal=signal,
                handled=handled,
                mechanism=mechanism,
            )
        )
    return tuple(read)


def threads(body: dict[str, Any], crashed_name: str | None) -> tuple[Thread, ...]:
    """The threads. The crashed one is listed apart, as the place of the exception; its frames are the exception's."""
    first = next(iter(listed(body.get("exceptions"))), {})
    number = values.integer(first.get("thread_sequence"))
    name = crashed_name or values.text(first.get("thread_name"))
    crashed = (Thread(index=number or 0, name=name, is_crashed=True),) if name or number is not None else ()
    others = (
        Thread(
            index=position if (sequence := values.integer(entry.get("sequence"))) is None else sequence,
            name=values.text(entry.get("name")),
            frames=frames(entry.get("frames")),
        )
        for position, entry in enumerate(listed(body.get("threads")), 1)
    )
    return (*crashed, *others)


def frames(entries: Any) -> tuple[Frame, ...]:
    """The frames of a stack, crash frame first as the SDKs list them."""
    found, half = values.items(entries), values.MAX_FRAMES // 2
    kept = found if len(found) <= values.MAX_FRAMES else found[:half] + found[-half:]
    return tuple(_frame(entry) for entry in kept if isinstance(entry, dict) and entry)


def images(body: dict[str, Any]) -> tuple[BinaryImage, ...]:
    """The executables and libraries."""
    return tuple(_image(entry) for entry in listed(body.get("binary_images")))


def _frame(entry: dict[str, Any]) -> Frame:
    line = values.integer(entry.get("line_num")) or 0
    column = values.integer(entry.get("col_num")) or 0
    function, image = values.text(entry.get("method_name")), values.basename(entry.get("binary_name"))
    start, offset = _hex(entry.get("binary_address")), values.address(entry.get("offset"))
    at = _hex(entry.get("instruction_address")) or _hex(entry.get("symbol_address"))
    package, class_name = values.text(entry.get("module_name")), values.text(entry.get("class_name"))
    file = values.text(entry.get("file_name"))
    is_dart = bool(package and package.startswith(("package:", "dart:")))
    return Frame(
        function=function,
        module=None if is_dart else class_name or package,
        file=f"{package}{file or ''}" if is_dart else file,
        line=line if line > 0 else None,
        column=column if column > 0 else None,
        image=image,
        address=at,
        image_address=start,
        offset=offset if image and not function else None,
        in_app=True if entry.get("in_app") is True else None,
        note="Native Method" if line == _NATIVE_LINE else None,
    )


def _image(entry: dict[str, Any]) -> BinaryImage:
    path = values.text(entry.get("path"))
    start, end = _hex(entry.get("start_addr")) or _hex(entry.get("base_addr")), _hex(entry.get("end_addr"))
    return BinaryImage(
        name=values.basename(entry.get("name")) or values.basename(path),
        path=path,
        debug_id=values.text(entry.get("uuid")),
        arch=values.text(entry.get("arch")),
        address=start,
        size=end - start + 1 if start is not None and end is not None and end >= start else None,
    )


def _hex(value: Any) -> int | None:
    """An address out of hex text with or without 0x."""
    if not isinstance(value, str):
        return values.address(value)
    digits = value.strip()
    return values.address(digits if digits[:2] in ("0x", "0X") else f"0x{digits}")
