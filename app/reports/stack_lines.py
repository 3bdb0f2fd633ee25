"""Text that is safe to print, and a frame and a thread in the words that the printed reports use."""

import datetime
import unicodedata

from app.crashes.log import CrashLog, Fault, Frame, RelatedStack, Thread
from app.reports.detail_words import detail, label_of

_KEPT = {"\n", "\t"}
_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # Unicode categories: control, format, surrogate, line, paragraph
_ZERO_WIDTH_JOINER = 0x200D  # inside emoji; joins its neighbours only
JAVA_PLATFORMS = ("java", "android", "kotlin")


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65_536 else f"\\U{code:08x}"


class _Escapes(dict[int, str | int]):
    """For `str.translate`; a character is looked up when it first occurs, for there are a million."""

    def __missing__(self, code: int) -> str | int:
        char = chr(code)
        hidden = unicodedata.category(char) in _HIDDEN and char not in _KEPT and code != _ZERO_WIDTH_JOINER
        self[code] = _escape(char) if hidden else code
        return self[code]


_ESCAPES = _Escapes()
_LINE_ESCAPES = _Escapes({ord("\n"): "\\n", ord("\t"): " "})


def line(text: str | None) -> str:
    """The text on one line: line breaks, control, bidi and invisible characters as visible escapes; None is ""."""
    if not text or text.isprintable():
        return text or ""
    return text.translate(_LINE_ESCAPES)


def block(text: str | None) -> str:
    """The same, but line breaks and tabs stay: the caller has to indent what follows the first line."""
    if not text or text.isprintable():
        return text or ""
    return text.replace("\r\n", "\n").translate(_ESCAPES)


def indented(text: str, indent: str) -> str:
    """The block with every line after the first set in by `indent`, so that no line can pass for one of the report."""
    return block(text).replace("\n", "\n" + indent)


def utc(time: datetime.datetime | None) -> str:
    """The time as a person reads it: `2018-09-13 09:42:53.120 UTC`; None is ""."""
    if time is None:
        return ""
    text = time.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return f"{text[:-3] if time.microsecond else text[:-7]} UTC"


def address(value: int | None) -> str:
    """An address as 0x and at least 8 hex digits, 16 where it needs more than 32 bits; None is ""."""
    if value is None:
        return ""
    return f"0x{value:08x}" if value < 2**32 else f"0x{value:016x}"


def is_java(log: CrashLog) -> bool:
    """True when engineers expect the look of `printStackTrace`."""
    return (log.platform or "") in JAVA_PLATFORMS


def symbol(frame: Frame) -> str:
    """What the frame calls: module and function, `+ offset` where known; "" when the log tells neither."""
    module, function = frame.module, frame.function
    if module and function and not function.startswith(module + "."):
        function = f"{module}.{function}"
    text = line(function or module)
    if frame.offset is None:
        return text
    if not text:
        text = line(frame.image) if frame.image_address is None else hex(frame.image_address)
    return f"{text} + {frame.offset}"


def place(frame: Frame) -> str:
    """Where its source is: `File.java:12`, `app.js:3:14`, `Native Method`; "" when unknown."""
    if not frame.file:
        return line(frame.note)
    if frame.line is not None and frame.column is None and not frame.note:  # what most are
        return f"{line(frame.file)}:{frame.line}"
    parts = [line(frame.file), *(str(number) for number in (frame.line, frame.column) if number is not None)]
    return ":".join(parts) + (f", {line(frame.note)}" if frame.note else "")


def java_line(frame: Frame) -> str:
    """The frame as `printStackTrace` writes it, without `at`."""
    name = ".".join(part for part in (frame.module, frame.function) if part) or "unknown"
    where = frame.note if frame.note and not frame.file else place(frame)
    return f"{line(name)}({line(where) or 'Unknown Source'})"


def source_of(frame: Frame) -> list[tuple[int | None, str, bool]]:
    """The lines of source that the report has of a frame: number, text, whether it is the frame's own."""
    if frame.source is None:
        return []
    source = frame.source
    lines = [*((one, False) for one in source.before), (source.line, True), *((one, False) for one in source.after)]
    first = None if frame.line is None else frame.line - len(source.before)
    return [(None if first is None else first + at, line(one), own) for at, (one, own) in enumerate(lines)]


def thread_name(thread: Thread) -> str:
    """`Thread 3 "worker"`, with the dispatch queue where known."""
    queue = f", queue {line(thread.queue)}" if thread.queue else ""
    return f"Thread {thread.index}" + (f' "{line(thread.name)}"' if thread.name else "") + queue


def ordered_threads(log: CrashLog) -> list[Thread]:
    """All threads, those that crashed first, the rest in the order of the log."""
    return sorted(log.threads, key=lambda thread: not thread.is_crashed)


def crashed_threads(log: CrashLog) -> int:
    """How many threads crashed: they are the first of `ordered_threads`."""
    return sum(thread.is_crashed for thread in log.threads)


def related_name(stack: RelatedStack) -> str:
    """`Deallocated by thread 10930`, else the kind of the stack."""
    said = line(stack.description) or stack.kind
    return said[0].upper() + said[1:]


def details(log: CrashLog) -> list[tuple[str, str]]:
    """What else the log says, in its order: label and value."""
    return [(label_of(name), detail(name, value)) for name, value in log.details.items()]


def relation(fault: Fault) -> str:
    """How an exception hangs on another, as Java says it; "" for the crash itself."""
    return {"cause": "Caused by", "suppressed": "Suppressed"}.get(fault.relation or "", "")


def fault_facts(fault: Fault) -> list[tuple[str, str]]:
    """What else is known of an exception: label and value; unknown ones are left out."""
    handled = None if fault.handled is None else "yes, the app caught and reported it" if fault.handled else "no"
    facts = (("Signal", fault.signal), ("Code", fault.code), ("Mechanism", fault.mechanism), ("Handled", handled))
    return [(label, value) for label, value in facts if value]


def header(log: CrashLog) -> list[tuple[str, str]]:
    """App, system and device as the log tells them: label and value; unknown ones are left out."""
    app, system, device = log.app, log.os, log.device
    process = _with(log.process, f"[{log.process_id}]" if log.process_id is not None else None)
    facts = (
        ("Bundle", _with(app.identifier, f"({app.name})" if app.name and app.name != app.identifier else None)),
        ("Version", _with(app.version, f"({app.build})" if app.build else None)),
        ("OS", _with(_with(system.name, system.version), f"({system.build})" if system.build else None)),
        ("Device", _with(device.manufacturer, device.model)),
        ("Architecture", device.arch),
        ("Installation", device.install_id),
        ("Process", process),
        ("User", log.user_id),
        ("Level", log.level),
    )
    return [*((label, value) for label, value in facts if value), *details(log)]


def _with(first: str | None, second: str | None) -> str:
    return " ".join(part for part in (first, second) if part)
