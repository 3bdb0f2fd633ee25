"""Exceptions, threads and frames of a Sentry event.

Source: https://develop.sentry.dev/sdk/data-model/event-payloads/ (exception, threads, stacktrace, debugmeta; 2024), the
camelCase keys of Sentry's web API, the mechanism keys of sentry-swift 1.4 (posix_signal, exception_name), and for
`instruction_addr_adjustment` sentry's `lang/native/symbolicator.py` with symbolicator (2026).
Left out on purpose: raw_stacktrace, held locks, mapping files.
"""

import re
from dataclasses import replace
from typing import Any

from app.crashes.in_app import is_in_library
from app.crashes.log import Fault, Frame, SourceLines, Thread
from app.parsers import values
from app.parsers.sentry_images import image_name, pick
from app.parsers.source_lines import numbered_lines, source_lines, variables

MAX_FAULTS = 100  # exceptions kept of one event: far more than any SDK sends
# By signal number and Mach exception number: only those that mean the same on every system.
_SIGNALS = {3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV"}
_MACH = {1: "EXC_BAD_ACCESS", 2: "EXC_BAD_INSTRUCTION", 3: "EXC_ARITHMETIC", 5: "EXC_SOFTWARE", 6: "EXC_BREAKPOINT"}
_MACH |= {10: "EXC_CRASH", 11: "EXC_RESOURCE", 12: "EXC_GUARD"}
_GUESSED = ("scan", "cfi-scan")  # the trust in a frame that was found by searching the stack
_NAMED_PARAM = re.compile(r"%\((\w{1,100})\)[sdr]")


def entries(interface: Any) -> list[dict[str, Any]]:
    """The objects of `{"values": […]}`, of a bare list, or of a single object."""
    listed = interface.get("values", [interface]) if isinstance(interface, dict) else interface
    return [entry for entry in values.items(listed) if isinstance(entry, dict) and entry]


def frames(stacktrace: Any, *, brief: bool = False) -> tuple[Frame, ...]:
    """The frames of a stacktrace, crash frame first: Sentry lists it last. `brief`: without source and variables."""
    listed = values.items(values.mapping(stacktrace).get("frames"))
    if len(listed) > values.MAX_FRAMES:  # as values.bounded, but before a million frames are built
        half = values.MAX_FRAMES // 2
        listed = [*listed[:half], *listed[-half:]]
    found = tuple(_frame(entry, brief=brief) for entry in reversed(listed) if isinstance(entry, dict))
    return _adjusted(
        found, pick(values.mapping(stacktrace), "instruction_addr_adjustment", "instructionAddrAdjustment")
    )


def _adjusted(stack: tuple[Frame, ...], adjustment: Any) -> tuple[Frame, ...]:
    """The frames, told whether their addresses are those to return to, as Sentry's symbolication takes it."""
    if adjustment not in ("all", "all_but_first", "none"):
        return stack  # "auto"
    first = next((at for at, frame in enumerate(stack) if frame.address is not None), None)
    return tuple(
        replace(frame, is_return=adjustment == "all" or (adjustment == "all_but_first" and at != first))
        for at, frame in enumerate(stack)
    )


def faults(exceptions: list[dict[str, Any]], platform: str | None, *, brief: bool = False) -> tuple[Fault, ...]:
    """The exceptions, outermost first: Sentry lists it last. Each cause points to the one it led to."""
    ordered = _outermost_first(exceptions)[:MAX_FAULTS]
    position = {id_: index for index, id_ in reversed(list(enumerate(map(_exception_id, ordered)))) if id_ is not None}
    read = []
    for index, exception in enumerate(ordered):
        mechanism = values.mapping(exception.get("mechanism"))
        parent = position.get(values.integer(mechanism.get("parent_id")) or 0) if "parent_id" in mechanism else None
        if parent is None or parent >= index:
            parent = index - 1
        stack = frames(exception.get("stacktrace"), brief=brief)
        read.append(_fault(exception, mechanism, platform, parent if index else None, stack))
    return tuple(read)


def threads(
    listed: list[dict[str, Any]], exceptions: list[dict[str, Any]], *, brief: bool = False
) -> tuple[Thread, ...]:
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
            frames=frames(entry.get("stacktrace"), brief=brief),
            registers=_registers(entry.get("stacktrace")) or (registers if is_crashed else {}),
        )
        for index, (entry, number, is_crashed) in enumerate(zip(listed, ids, flagged, strict=True))
    )


def _frame(entry: dict[str, Any], *, brief: bool) -> Frame:
    address = values.address(pick(entry, "instruction_addr", "instructionAddr"))
    image_address = values.address(pick(entry, "image_addr", "imageAddr"))
    symbol_address = values.address(pick(entry, "symbol_addr", "symbolAddr"))
    start = symbol_address or image_address  # 0 where the SDK does not know
    in_app = values.boolean(pick(entry, "in_app", "inApp"))
    path = values.text(pick(entry, "abs_path", "absPath")) if in_app else None
    return Frame(
        function=values.text(pick(entry, "function", "symbol", "raw_function", "rawFunction")),
        module=values.text(entry.get("module")),
        file=values.text(entry.get("filename")) or values.text(pick(entry, "abs_path", "absPath")),
        line=_positive(pick(entry, "lineno", "lineNo")),
        column=_positive(pick(entry, "colno", "colNo")),
        image=image_name(entry.get("package")),
        address=address,
        image_address=image_address,
        symbol_address=symbol_address,
        offset=address - start if address is not None and start and address >= start else None,
        in_app=in_app,
        note="Native Method" if entry.get("native") is True and entry.get("module") else None,
        is_guess=True if entry.get("trust") in _GUESSED else None,
        is_library=True if path and is_in_library(path) else None,
        source=None if brief else _source(entry),
        variables=() if brief or "vars" not in entry else variables(entry["vars"]),
    )


def _source(entry: dict[str, Any]) -> SourceLines | None:
    """The lines under the keys of SDKs, or as the web API lists them: `[[41, "…"], [42, "…"]]`."""
    if isinstance(entry.get("context_line"), str):
        return source_lines(entry.get("pre_context"), entry["context_line"], entry.get("post_context"))
    listed = [one for one in values.items(entry.get("context")) if isinstance(one, list) and len(one) == 2]
    return numbered_lines({str(number): text for number, text in listed}, _positive(entry.get("lineNo")))


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


def _fault(
    exception: dict[str, Any],
    mechanism: dict[str, Any],
    platform: str | None,
    parent: int | None,
    stack: tuple[Frame, ...],
) -> Fault:
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
        frames=stack,
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
