"""Exceptions, threads, frames and binary images of a Sentry event.

Source: https://develop.sentry.dev/sdk/data-model/event-payloads/ (exception, threads, stacktrace, debugmeta; 2024), the
camelCase keys of Sentry's web API, and the mechanism keys of sentry-swift 1.4 (posix_signal, exception_name).
Left out on purpose: source lines and variables of frames, raw_stacktrace, held locks, mapping files.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import replace
from operator import itemgetter
from typing import Any

from app.crashes.log import BinaryImage, Fault, Frame, SourceMapRef, Thread
from app.parsers import values

MAX_SOURCE_MAPS = 1_000  # kept of one event
MAX_NAMED = 1_000  # images kept of one event that only its frames name
MAX_FAULTS = 100  # exceptions kept of one event: far more than any SDK sends
# By Mach cpu_type, signal number, Mach exception number: only those that mean the same on every system.
_ARCHITECTURES = {7: "x86", 12: "arm", 16_777_223: "x86_64", 16_777_228: "arm64", 33_554_444: "arm64_32"}
_SIGNALS = {3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV"}
_MACH = {1: "EXC_BAD_ACCESS", 2: "EXC_BAD_INSTRUCTION", 3: "EXC_ARITHMETIC", 5: "EXC_SOFTWARE", 6: "EXC_BREAKPOINT"}
_MACH |= {10: "EXC_CRASH", 11: "EXC_RESOURCE", 12: "EXC_GUARD"}
_GUESSED = ("scan", "cfi-scan")  # the trust in a frame that was found by searching the stack
Span = tuple[int, int, str]
_NAMED_PARAM = re.compile(r"%\((\w{1,100})\)[sdr]")


def pick(values_by_key: dict[str, Any], *keys: str) -> Any:
    """The first value of these keys that is not null."""
    for key in keys:
        value = values_by_key.get(key)
        if value is not None:
            return value
    return None


def entries(interface: Any) -> list[dict[str, Any]]:
    """The objects of `{"values": […]}`, of a bare list, or of a single object."""
    listed = interface.get("values", [interface]) if isinstance(interface, dict) else interface
    return [entry for entry in values.items(listed) if isinstance(entry, dict) and entry]


def frames(stacktrace: Any) -> tuple[Frame, ...]:
    """The frames of a stacktrace, crash frame first: Sentry lists it last."""
    listed = values.items(values.mapping(stacktrace).get("frames"))
    if len(listed) > values.MAX_FRAMES:  # as values.bounded, but before a million frames are built
        half = values.MAX_FRAMES // 2
        listed = [*listed[:half], *listed[-half:]]
    return tuple(_frame(entry) for entry in reversed(listed) if isinstance(entry, dict))


def faults(exceptions: list[dict[str, Any]], platform: str | None) -> tuple[Fault, ...]:
    """The exceptions, outermost first: Sentry lists it last. Each cause points to the one it led to."""
    ordered = _outermost_first(exceptions)[:MAX_FAULTS]
    position = {id_: index for index, id_ in reversed(list(enumerate(map(_exception_id, ordered)))) if id_ is not None}
    read = []
    for index, exception in enumerate(ordered):
        mechanism = values.mapping(exception.get("mechanism"))
        parent = position.get(values.integer(mechanism.get("parent_id")) or 0) if "parent_id" in mechanism else None
        if parent is None or parent >= index:
            parent = index - 1
        read.append(_fault(exception, mechanism, platform, parent if index else None))
    return tuple(read)


def threads(listed: list[dict[str, Any]], exceptions: list[dict[str, Any]]) -> tuple[Thread, ...]:
    """The threads; crashed is the one flagged so, else the one of the exception, else the one that was running."""
    outermost = _outermost_first(exceptions)[0] if exceptions else {}
    thread_id = values.integer(pick(outermost, "thread_id", "threadId"))
    registers = _registers(outermost.get("stacktrace"))
    ids = [values.integer(pick(entry, "id", "uuid")) for entry in listed]
    flagged = [entry.get("crashed") is True for entry in listed]
    if not any(flagged) and exceptions and thread_id in ids and thread_id is not None:
        own = ids.index(thread_id)
        flagged = [index == own for index in range(len(ids))]
    if not any(flagged) and exceptions:
        flagged = [entry.get("current") is True for entry in listed]
    if not listed and (thread_id is not None or registers):
        return (Thread(index=thread_id or 0, is_crashed=True, registers=registers),)
    return tuple(
        Thread(
            index=number if number is not None else index,
            name=values.text(entry.get("name")),
            is_crashed=is_crashed,
            state=values.text(entry.get("state")),
            frames=frames(entry.get("stacktrace")),
            registers=_registers(entry.get("stacktrace")) or (registers if is_crashed else {}),
        )
        for index, (entry, number, is_crashed) in enumerate(zip(listed, ids, flagged, strict=True))
    )


def images(debug_meta: Any) -> tuple[BinaryImage, ...]:
    """The executables and libraries; entries that are only a mapping file or source map are none."""
    listed = values.items(values.mapping(debug_meta).get("images"))
    return tuple(_image(entry) for entry in listed if isinstance(entry, dict) and _is_binary(entry))


def named_by_frames(listed: Iterable[dict[str, Any]], known: tuple[BinaryImage, ...]) -> tuple[BinaryImage, ...]:
    """The images that frames of exceptions and threads tell the path of, and `debug_meta` does not list."""
    names = {image.name for image in known}
    found: dict[str, BinaryImage] = {}
    for entry in listed:
        for frame in values.items(values.mapping(entry.get("stacktrace")).get("frames")):
            path = values.mapping(frame).get("package")
            if isinstance(path, str) and ("/" in path or "\\" in path) and len(found) < MAX_NAMED:
                name = _image_name(path)
                if name and name not in names:
                    found.setdefault(name, BinaryImage(name, values.text(path)))
    return tuple(found.values())


def mappings(debug_meta: Any) -> tuple[str, ...]:
    """Ids of the mapping files that the build made."""
    listed = values.items(values.mapping(debug_meta).get("images"))
    ids = (
        values.text(pick(one, "uuid", "debug_id"))
        for one in map(values.mapping, listed)
        if one.get("type") == "proguard"
    )
    return tuple(found for found in ids if found)


def source_maps(debug_meta: Any) -> tuple[SourceMapRef, ...]:
    """The source maps of scripts, as SDKs name them that were built in."""
    listed = values.items(values.mapping(debug_meta).get("images"))[:MAX_SOURCE_MAPS]
    named = (
        (values.text(pick(one, "code_file", "codeFile")), values.text(pick(one, "debug_id", "debugId")))
        for one in map(values.mapping, listed)
        if one.get("type") == "sourcemap"
    )
    return tuple(SourceMapRef(file, debug_id) for file, debug_id in named if file and debug_id)


def spans(loaded: tuple[BinaryImage, ...]) -> list[Span]:
    """The address, size and name of the images, by address."""
    return sorted((image.address, image.size, image.name or "") for image in loaded if image.address and image.size)


def located(stack: tuple[Frame, ...], loaded: list[Span]) -> tuple[Frame, ...]:
    """The same frames with the image whose addresses hold them, where the SDK (sentry-native) gives no more."""
    if not loaded:
        return stack
    found = []
    for frame in stack:
        place = bisect_right(loaded, frame.address or 0, key=itemgetter(0)) - 1
        if frame.address is not None and frame.image is None and frame.image_address is None and place >= 0:
            start, size, name = loaded[place]
            if frame.address < start + size:
                offset = frame.address - start if frame.offset is None else frame.offset
                frame = replace(frame, image=name or None, image_address=start, offset=offset)
        found.append(frame)
    return tuple(found)


def _is_binary(entry: dict[str, Any]) -> bool:
    return entry.get("type") not in ("proguard", "sourcemap", "jvm") and (
        pick(entry, "image_addr", "imageAddr", "code_file", "codeFile", "name", "debug_file", "debugFile") is not None
    )


def _image(entry: dict[str, Any]) -> BinaryImage:
    path = values.text(pick(entry, "code_file", "codeFile", "name", "debug_file", "debugFile"))
    return BinaryImage(
        name=values.basename(path),
        path=path,
        debug_id=values.text(pick(entry, "debug_id", "debugId", "uuid", "code_id", "codeId")),
        arch=values.text(entry.get("arch")) or _ARCHITECTURES.get(values.integer(entry.get("cpu_type")) or 0),
        address=values.address(pick(entry, "image_addr", "imageAddr")),
        size=values.address(pick(entry, "image_size", "imageSize")),
    )


def _frame(entry: dict[str, Any]) -> Frame:
    address = values.address(pick(entry, "instruction_addr", "instructionAddr"))
    image_address = values.address(pick(entry, "image_addr", "imageAddr"))
    symbol_address = values.address(pick(entry, "symbol_addr", "symbolAddr"))
    start = symbol_address or image_address  # 0 where the SDK does not know
    return Frame(
        function=values.text(pick(entry, "function", "symbol", "raw_function", "rawFunction")),
        module=values.text(entry.get("module")),
        file=values.text(entry.get("filename")) or values.text(pick(entry, "abs_path", "absPath")),
        line=_positive(pick(entry, "lineno", "lineNo")),
        column=_positive(pick(entry, "colno", "colNo")),
        image=_image_name(entry.get("package")),
        address=address,
        image_address=image_address,
        symbol_address=symbol_address,
        offset=address - start if address is not None and start and address >= start else None,
        in_app=values.boolean(pick(entry, "in_app", "inApp")),
        note="Native Method" if entry.get("native") is True and entry.get("module") else None,
        is_guess=True if entry.get("trust") in _GUESSED else None,
    )


def _image_name(package: Any) -> str | None:
    """The file of the image; of a .NET assembly the name without version and key."""
    name = values.text(package)
    return values.basename(name.partition(", Version=")[0]) if name else None


def _positive(value: Any) -> int | None:
    number = values.integer(value)
    return number if number is not None and number > 0 else None


def _registers(stacktrace: Any) -> dict[str, int]:
    named = values.mapping(values.mapping(stacktrace).get("registers"))
    read = {values.clean(name): values.address(value) for name, value in named.items()}
    return {name: value for name, value in read.items() if value is not None}


def _exception_id(exception: dict[str, Any]) -> int | None:
    return values.integer(values.mapping(exception.get("mechanism")).get("exception_id"))


def _outermost_first(exceptions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Reversed; and where the exceptions are numbered, the one that has no parent goes first."""
    ordered = exceptions[::-1]
    numbered = [exception for exception in ordered if _exception_id(exception) is not None]
    roots = [each for each in numbered if values.mapping(each["mechanism"]).get("parent_id") is None]
    if len(numbered) == len(ordered) and len(roots) == 1:
        return [*roots, *(exception for exception in ordered if exception is not roots[0])]
    return ordered


def _fault(exception: dict[str, Any], mechanism: dict[str, Any], platform: str | None, parent: int | None) -> Fault:
    meta = values.mapping(mechanism.get("meta"))
    mach = values.mapping(pick(meta, "mach_exception") or pick(mechanism, "mach_exception"))
    signal = values.mapping(pick(meta, "signal") or pick(mechanism, "posix_signal"))
    error = values.mapping(pick(meta, "ns_error"))
    mach_name = values.text(pick(mach, "name", "exception_name")) or _MACH.get(
        values.integer(mach.get("exception")) or 0
    )
    signal_name = values.text(signal.get("name")) or _SIGNALS.get(values.integer(pick(signal, "number", "signal")) or 0)
    code = (
        values.text(pick(signal, "code_name")) or values.text(mach.get("code_name")) or values.text(error.get("code"))
    )
    return Fault(
        type=_type(exception, platform) or values.text(error.get("domain")) or mach_name or signal_name,
        message=message_text(exception.get("value")),
        frames=frames(exception.get("stacktrace")),
        relation=_relation(mechanism) if parent is not None else None,
        parent=parent,
        signal=signal_name,
        code=code,
        handled=values.boolean(mechanism.get("handled")),
        mechanism=values.text(mechanism.get("type")),
    )


def _relation(mechanism: dict[str, Any]) -> str:
    cause = f"{mechanism.get('type')} {mechanism.get('source')}".lower()
    return "suppressed" if "suppressed" in cause else "cause"


def _type(exception: dict[str, Any], platform: str | None) -> str | None:
    """The type; of a Java exception with the package that Sentry splits off, as a stack trace prints it."""
    name, module = values.text(exception.get("type")), values.text(exception.get("module"))
    if platform == "java" and name and module and "." not in name:
        return values.clean(f"{module}.{name}")
    return name


def message_text(value: Any) -> str | None:
    """A message that is text, a number, or `{formatted, message, params}`; any other JSON as it stands."""
    if isinstance(value, dict):
        formatted = values.text(value.get("formatted"))
        return formatted or _filled(values.text(value.get("message")), value.get("params")) or None
    if isinstance(value, list):
        return values.text(" ".join(text for item in value[:100] if (text := values.text(item))))
    return values.text(value)


def _filled(template: str | None, params: Any) -> str | None:
    """The template with its `%s`, `{}` or `%(name)s` replaced when the params fit, else as it stands."""
    if not template:
        return None
    if isinstance(params, dict):
        return values.clean(
            _NAMED_PARAM.sub(lambda match: values.text(params.get(match[1])) or match[0], template, count=100)
        )
    given = [values.text(item) or "" for item in values.items(params)]
    for mark in ("%s", "{}"):
        if given and template.count(mark) == len(given) <= 100:
            parts = template.split(mark)
            return values.clean("".join(part + text for part, text in zip(parts, [*given, ""], strict=True)))
    return template
