"""The report for a ticket: plain text, the crashed thread first, `*` before the frames of the app's own code."""

import json
from collections.abc import Iterator, Sequence

from app.crashes.in_app import InApp
from app.crashes.log import BinaryImage, Breadcrumb, CrashLog, Fault, Frame, RelatedStack, Thread
from app.reports import Report
from app.reports.detail_words import before_crash
from app.reports.stack_lines import (
    address,
    crashed_threads,
    fault_facts,
    header,
    indented,
    is_java,
    java_line,
    line,
    ordered_threads,
    place,
    related_name,
    relation,
    source_of,
    symbol,
    thread_name,
    utc,
)

FORMAT = "txt"
MEDIA_TYPE = "text/plain; charset=utf-8"
EXTENSION = "txt"

LABEL_WIDTH = 14  # columns of a label and the space after it
MAX_IMAGE_WIDTH = 32  # columns of an image's name; a longer one moves its own line only
REGISTERS_PER_LINE = 4


def write(report: Report) -> Iterator[bytes]:
    """The document in chunks: its head, each exception, thread and section. Lines end with LF and are not wrapped."""
    for part in _parts(report):
        yield part.encode("utf-8", "replace")


def _parts(report: Report) -> Iterator[str]:
    log, in_app = report.log, InApp(report.log)
    yield _head(report)
    if log.notes:
        yield _heading("Notes") + "".join(f"- {indented(note, '  ')}\n" for note in log.notes)
    if log.faults:
        yield _heading("Exception")
    for number, fault in enumerate(log.faults):
        yield _fault(log, number, fault, in_app)
    shown = ordered_threads(log)
    for thread in shown[: crashed_threads(log)]:
        yield _thread(log, thread, in_app)
    for stack in log.stacks:
        yield _related(stack, in_app)
    for thread in shown[crashed_threads(log) :]:
        yield _thread(log, thread, in_app)
    if log.breadcrumbs:
        yield _heading("Breadcrumbs") + "".join(_breadcrumb(crumb, log) for crumb in log.breadcrumbs)
    if log.custom:
        yield _heading("Custom data") + "".join(_custom(key, value) for key, value in log.custom.items())
    if log.images:
        yield _heading("Binary images") + _images(log.images)
    if report.missing_symbols:
        yield _heading("Missing symbols") + "".join(
            f"{one.kind} {one.debug_id or '(by version)'} {line(one.name)}".rstrip() + "\n"
            for one in report.missing_symbols
        )


def _head(report: Report) -> str:
    log, made_of = report.log, report.fingerprint
    title = line(report.crash_title)
    facts = [
        ("Occurrence", report.occurrence_id),
        ("Log", report.log_id),
        ("Date", report.date.isoformat()),
        ("Crash", report.crash_identifier),
        ("App", f"{report.app_name} ({report.app_identifier})"),
        *header(log),
        ("Occurred", utc(log.occurred_at) or "unknown"),
        ("Started", utc(log.started_at)),
        ("Format", log.format),
        ("Report id", log.report_id or ""),
        ("Fingerprint", f"{made_of.value} (version {made_of.version}, {made_of.rule})"),
        ("Report by", report.generated_by),
    ]
    return f"{title}\n{'=' * min(len(title), 120)}\n\n" + _facts(facts)


def _facts(facts: Sequence[tuple[str, str]], indent: str = "") -> str:
    margin = indent + " " * LABEL_WIDTH
    return "".join(f"{indent}{label:<{LABEL_WIDTH - 1}} {indented(value, margin)}\n" for label, value in facts if value)


def _heading(text: str) -> str:
    return f"\n{text}\n{'-' * len(text)}\n"


def _fault(log: CrashLog, number: int, fault: Fault, in_app: InApp) -> str:
    said = relation(fault)
    kind = line(fault.type or fault.signal) or "unknown type"
    message = f": {indented(fault.message, '    ')}" if fault.message else ""
    text = f"{said + ': ' if said else ''}{kind}{message}\n"
    text += _facts(fault_facts(fault), "    ")
    thread = log.crashed_thread
    if number == 0 and thread and thread.frames == fault.frames:
        return text  # the same stack follows as the crashed thread
    if is_java(log):
        return text + "".join(_java_frame(frame, in_app) for frame in fault.frames)
    return text + _stack(fault.frames, in_app)


def _thread(log: CrashLog, thread: Thread, in_app: InApp) -> str:
    name = thread_name(thread)
    name = f"Crashed {name[0].lower()}{name[1:]}" if thread.is_crashed else name
    text = _heading(f"{name} ({line(thread.state)})" if thread.state else name)
    if is_java(log) and not any(frame.address for frame in thread.frames):
        text += "".join(_java_frame(frame, in_app) for frame in thread.frames)
    else:
        text += _stack(thread.frames, in_app)
    if not thread.frames:
        text += "no frames in the log\n"
    return text + _registers(thread)


def _related(stack: RelatedStack, in_app: InApp) -> str:
    return _heading(related_name(stack)) + (_stack(stack.frames, in_app) or "no frames in the log\n")


def _java_frame(frame: Frame, in_app: InApp) -> str:
    is_own = in_app(frame)
    return f"{'*' if is_own else ' '}   at {java_line(frame)}\n" + (_around(frame) if is_own else "")


def _around(frame: Frame) -> str:
    """Source and local variables of a frame of the app, where the log has them."""
    lines = source_of(frame)
    width = max((len(str(number or "")) for number, _, _ in lines), default=0)
    text = "".join(
        f"      {'>' if own else ' '} {number or '':>{width}} | {code}".rstrip() + "\n" for number, code, own in lines
    )
    return text + "".join(f"        {line(name)} = {line(value)}\n" for name, value in frame.variables)


def _stack(frames: tuple[Frame, ...], in_app: InApp) -> str:
    if not frames:
        return ""
    number_width = len(str(len(frames) - 1)) + 1
    names = {frame.image: line(frame.image) for frame in frames}
    image_width = min(MAX_IMAGE_WIDTH, max(map(len, names.values())))
    cells = {image: f" {name:<{image_width}}" if image_width else "" for image, name in names.items()}
    addresses = [address(frame.address) for frame in frames]
    address_width = max(map(len, addresses)) + 1
    has_addresses = any(addresses)
    lines = []
    for number, frame in enumerate(frames):
        where = place(frame)
        is_own = in_app(frame)
        lines.append(
            f"{'*' if is_own else ' '} {number:<{number_width}}{cells[frame.image]}"
            f"{addresses[number].rjust(address_width) if has_addresses else ''}"
            f" {symbol(frame) or 'unknown'}{f' ({where})' if where else ''}\n"
        )
        if is_own and (frame.source or frame.variables):
            lines.append(_around(frame))
    return "".join(lines)


def _registers(thread: Thread) -> str:
    if not thread.registers:
        return ""
    width = max(len(name) for name in thread.registers)
    cells = [f"{line(name):>{width}}: {address(value):<18}" for name, value in thread.registers.items()]
    rows = (cells[at : at + REGISTERS_PER_LINE] for at in range(0, len(cells), REGISTERS_PER_LINE))
    return "\nRegisters\n" + "".join(f"  {'  '.join(row).rstrip()}\n" for row in rows)


def _breadcrumb(crumb: Breadcrumb, log: CrashLog) -> str:
    before = before_crash(crumb.time, log.occurred_at)
    words = [
        utc(crumb.time) or "unknown time",
        *([f"({before})"] if before else []),
        *(f"[{line(word)}]" for word in (crumb.level, crumb.category) if word),
    ]
    data = f"\n    {_json(dict(crumb.data))}" if crumb.data else ""
    return f"{' '.join(words)} {indented(crumb.message or '', '    ')}".rstrip() + f"{data}\n"


def _custom(key: str, value: object) -> str:
    text = value if isinstance(value, str) else _json(value)
    return f"{line(key)}: {indented(text, '    ')}\n"


def _json(value: object) -> str:
    return line(json.dumps(value, ensure_ascii=False))


def _images(images: tuple[BinaryImage, ...]) -> str:
    texts = [(_range(i), *map(line, (i.name, i.arch, i.debug_id, i.path))) for i in images]
    widths = [min(40, max(len(row[column]) for row in texts)) for column in range(4)]
    rows = [" ".join(f"{cell:<{width}}" for cell, width in zip(row, [*widths, 0], strict=True)) for row in texts]
    return "".join(f"{row.rstrip()}\n" for row in rows)


def _range(image: BinaryImage) -> str:
    if image.address is None:
        return ""
    end = f" - {address(image.address + max(image.size - 1, 0))}" if image.size else ""
    return address(image.address) + end
