"""The report for programs: JSON of the schema in docs/report-schema.md, one frame, image or breadcrumb to a line."""

import json
import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from json.encoder import encode_basestring
from typing import Any

from app.crashes.in_app import InApp
from app.crashes.log import (
    BinaryImage,
    Breadcrumb,
    CrashLog,
    Fault,
    Frame,
    Json,
    MissingSymbols,
    RelatedStack,
    SourceLines,
    Thread,
)
from app.reports import Report

FORMAT = "json"
MEDIA_TYPE = "application/json"
EXTENSION = "json"

SCHEMA = "crashq-report"
SCHEMA_VERSION = 1
"""Raised when a key changes its meaning or goes; new keys may come without."""


def write(report: Report) -> Iterator[bytes]:
    """The document in chunks: its head, then each exception, thread, image and breadcrumb. Always strict JSON."""
    for text in _texts(report):
        yield text.encode("utf-8", "replace")


def _texts(report: Report) -> Iterator[str]:
    log, in_app = report.log, InApp(report.log)
    yield "{\n"
    for key, value in _head(report).items():
        yield f'  "{key}": {_compact(value)},\n'
    yield from _list("exceptions", (_exception(number, fault, in_app) for number, fault in enumerate(log.faults)))
    yield from _list("threads", (_thread(thread, in_app) for thread in log.threads))
    yield from _list("related_stacks", (_related(stack, in_app) for stack in log.stacks))
    yield from _list("images", (_compact(_image(image)) for image in log.images))
    yield from _list("missing_symbols", (_compact(_missing(one)) for one in report.missing_symbols))
    yield from _list("breadcrumbs", (_compact(_breadcrumb(crumb)) for crumb in log.breadcrumbs))
    yield f'  "custom": {_compact(dict(log.custom))},\n'
    yield f'  "notes": {_compact(list(log.notes))}\n}}\n'


def _head(report: Report) -> dict[str, Any]:
    log, made_of = report.log, report.fingerprint
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "generated_by": report.generated_by,
        "occurrence": {
            "id": report.occurrence_id,
            "log_id": report.log_id,
            "date": report.date.isoformat(),
            "occurred_at": _time(log.occurred_at),
            "report_id": log.report_id,
            "format": log.format,
            "platform": log.platform,
            "level": log.level,
            "user_id": log.user_id,
        },
        "crash": {
            "identifier": report.crash_identifier,
            "title": report.crash_title,
            "fingerprint": {
                "value": made_of.value,
                "version": made_of.version,
                "rule": made_of.rule,
                "parts": list(made_of.parts),
            },
        },
        "app": _app(report),
        "os": {"name": log.os.name, "version": log.os.version, "build": log.os.build},
        "device": _device(log),
        "process": {"name": log.process, "id": log.process_id, "started_at": _time(log.started_at)},
        "details": dict(log.details),
    }


def _app(report: Report) -> dict[str, Any]:
    app = report.log.app
    return {
        "identifier": report.app_identifier,
        "name": report.app_name,
        "bundle_identifier": app.identifier,
        "bundle_name": app.name,
        "version": app.version,
        "build": app.build,
    }


def _device(log: CrashLog) -> dict[str, Any]:
    device = log.device
    return {
        "model": device.model,
        "manufacturer": device.manufacturer,
        "arch": device.arch,
        "install_id": device.install_id,
    }


def _exception(number: int, fault: Fault, in_app: InApp) -> str:
    head = {
        "index": number,
        "relation": fault.relation,
        "parent": fault.parent,
        "type": fault.type,
        "message": fault.message,
        "signal": fault.signal,
        "code": fault.code,
        "handled": fault.handled,
        "mechanism": fault.mechanism,
    }
    return _with_frames(head, fault.frames, in_app)


def _thread(thread: Thread, in_app: InApp) -> str:
    head = {
        "index": thread.index,
        "name": thread.name,
        "queue": thread.queue,
        "is_crashed": thread.is_crashed,
        "state": thread.state,
        "registers": {name: hex(value) for name, value in thread.registers.items()},
    }
    return _with_frames(head, thread.frames, in_app)


def _related(stack: RelatedStack, in_app: InApp) -> str:
    return _with_frames({"kind": stack.kind, "description": stack.description}, stack.frames, in_app)


def _with_frames(head: dict[str, Any], frames: tuple[Frame, ...], in_app: InApp) -> str:
    shared = _Texts()
    lines = ",\n      ".join([_frame(frame, in_app, shared) for frame in frames])
    stack = f"\n      {lines}\n    " if lines else ""
    return f'{_compact(head)[:-1]}, "frames": [{stack}]}}'


class _Texts(dict[str | int | None, str]):
    """Values that many frames share, as JSON."""

    def __missing__(self, value: str | int | None) -> str:
        text = "null" if value is None else encode_basestring(value) if isinstance(value, str) else f'"{value:#x}"'
        self[value] = text
        return text


def _frame(frame: Frame, in_app: InApp, shared: _Texts) -> str:
    """One frame. Written by hand because a log may hold half a million of them."""
    return (
        f'{{"function": {_text(frame.function)}, "module": {shared[frame.module]}, "file": {shared[frame.file]}, '
        f'"line": {_number(frame.line)}, "column": {_number(frame.column)}, '
        f'"in_app": {"true" if in_app(frame) else "false"}, "image": {shared[frame.image]}, '
        f'"address": {_hex(frame.address)}, "image_address": {shared[frame.image_address]}, '
        f'"symbol_address": {_hex(frame.symbol_address)}, "offset": {_number(frame.offset)}, '
        f'"note": {shared[frame.note]}, "source": {"null" if frame.source is None else _source(frame.source)}, '
        f'"vars": {_compact(dict(frame.variables)) if frame.variables else "{}"}}}'
    )


def _source(source: SourceLines) -> str:
    return _compact(
        {"pre_context": list(source.before), "context_line": source.line, "post_context": list(source.after)}
    )


def _image(image: BinaryImage) -> dict[str, Any]:
    return {
        "name": image.name,
        "path": image.path,
        "debug_id": image.debug_id,
        "arch": image.arch,
        "address": None if image.address is None else hex(image.address),
        "size": image.size,
    }


def _missing(one: MissingSymbols) -> dict[str, Any]:
    return {"kind": one.kind, "debug_id": one.debug_id, "name": one.name}


def _breadcrumb(crumb: Breadcrumb) -> dict[str, Any]:
    return {
        "time": _time(crumb.time),
        "category": crumb.category,
        "level": crumb.level,
        "message": crumb.message,
        "data": dict(crumb.data),
    }


def _list(key: str, items: Iterable[str]) -> Iterator[str]:
    """`"key": [...],` with one item to a line, an item at a time."""
    yield f'  "{key}": ['
    is_empty = True
    for item in items:
        yield f"{'' if is_empty else ','}\n    {item}"
        is_empty = False
    yield "],\n" if is_empty else "\n  ],\n"


def _compact(value: Any) -> str:
    return json.dumps(_strict(value), ensure_ascii=False, allow_nan=False)


def _strict(value: Any) -> Json:
    """The value without what JSON cannot say: NaN and infinities become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _strict(child) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(child) for child in value]
    return value if isinstance(value, (str, int)) else None


def _time(time: datetime | None) -> str | None:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z") if time else None


def _text(value: str | None) -> str:
    return "null" if value is None else encode_basestring(value)


def _number(value: int | None) -> str:
    return "null" if value is None else str(value)


def _hex(value: int | None) -> str:
    return "null" if value is None else f'"{value:#x}"'
