"""The report to look at and to print: one HTML file that loads nothing, runs nothing and escapes all text."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from app.crashes.in_app import InApp
from app.crashes.log import CrashLog, Frame, Thread
from app.reports import Report, stack_lines
from app.reports.detail_words import before_crash
from app.reports.stack_lines import (
    fault_facts,
    header,
    ordered_threads,
    place,
    related_name,
    relation,
    source_of,
    thread_name,
)

FORMAT = "html"
MEDIA_TYPE = "text/html; charset=utf-8"
EXTENSION = "html"

CHUNK = 32_768  # characters gathered before they are handed on
_SPECIAL = re.compile("[&<>\"']")
_FOLDER = Path(__file__).parent
_TEMPLATE = "report.html"


def write(report: Report) -> Iterator[bytes]:
    """The document in chunks, a thread at a time. UTF-8; works from a file, offline, without scripts."""
    in_app = InApp(report.log)
    gathered: list[str] = []
    size = 0
    for text in _template().generate(**_words(report, in_app)):
        gathered.append(text)
        size += len(text)
        if size >= CHUNK:
            yield "".join(gathered).encode("utf-8", "replace")
            gathered, size = [], 0
    yield "".join(gathered).encode("utf-8", "replace")


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        loader=FileSystemLoader(_FOLDER),
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    return environment.get_template(_TEMPLATE)


def _visible(value: object) -> object:
    return stack_lines.block(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _style_source() -> str:
    """What the content security policy allows as style: the template's own style sheet, by its hash."""
    source = (_FOLDER / _TEMPLATE).read_text(encoding="utf-8")
    style = re.search(r"<style>(.*?)</style>", source, re.DOTALL)
    digest = hashlib.sha256((style[1] if style else "").encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _words(report: Report, in_app: InApp) -> dict[str, object]:
    """Everything the template names."""
    log = report.log
    occurred = stack_lines.utc(log.occurred_at)
    threads = ordered_threads(log)
    return {
        "report": report,
        "log": log,
        "style_source": _style_source(),
        "facts": [*([("Occurred", occurred)] if occurred else []), *header(log)],
        "origin": _origin(report),
        "own_frames": lambda number: _own_frames(log, number),
        "crashed": [thread for thread in threads if thread.is_crashed],
        "others": [thread for thread in threads if not thread.is_crashed],
        "stack": lambda frames: _stack(frames, in_app),
        "summary": lambda thread: _summary(thread, in_app),
        "relation": relation,
        "related_name": related_name,
        "fault_facts": fault_facts,
        "thread_name": thread_name,
        "address": stack_lines.address,
        "line": stack_lines.line,
        "utc": stack_lines.utc,
        "before": lambda crumb: before_crash(crumb.time, log.occurred_at),
        "plain": lambda value: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False),
    }


def _origin(report: Report) -> list[tuple[str, str]]:
    made_of = report.fingerprint
    return [
        ("Occurrence", report.occurrence_id),
        ("Log", report.log_id),
        ("Date", report.date.isoformat()),
        ("Crash", report.crash_identifier),
        ("App", f"{report.app_name} ({report.app_identifier})"),
        ("Started", stack_lines.utc(report.log.started_at)),
        ("Format", report.log.format),
        ("Report id", report.log.report_id or ""),
        ("Fingerprint", f"{made_of.value}, version {made_of.version}, by {made_of.rule}"),
    ]


def _own_frames(log: CrashLog, number: int) -> tuple[Frame, ...]:
    """The stack to show with an exception; none where the crashed thread shows the same."""
    frames = log.faults[number].frames
    thread = log.crashed_thread
    return () if number == 0 and thread and thread.frames == frames else frames


def _summary(thread: Thread, in_app: InApp) -> str:
    """What the thread was doing, on its closed line: its first own function, else its first function."""
    named = [frame for frame in thread.frames[:200] if frame.function]
    frame = next((frame for frame in named if in_app(frame)), named[0] if named else None)
    return stack_lines.line(frame.function) if frame else ""


def _stack(frames: tuple[Frame, ...], in_app: InApp) -> Markup:
    """The list of frames. Not in the template because a log may hold half a million of them."""
    has_images = any(frame.image for frame in frames)
    shared = _SafeTexts()
    rows = [_row(number, frame, in_app(frame), has_images, shared) for number, frame in enumerate(frames)]
    return Markup(f'<ol class="stack{"" if has_images else " noimage"}">{"".join(rows)}</ol>')  # noqa: S704 rows are escaped


class _SafeTexts(dict[str | None, str]):
    """Texts that frames of a stack share, as they are safe to print."""

    def __missing__(self, text: str | None) -> str:
        self[text] = safe = _safe(text)
        return safe


def _row(number: int, frame: Frame, is_own: bool, has_images: bool, shared: _SafeTexts) -> str:
    scope, name = _scope_and_name(frame)
    where = place(frame)
    offset = f' <span class="off">+ {frame.offset}</span>' if frame.offset is not None and name else ""
    image = f'<span class="img">{shared[frame.image]} </span>' if has_images else ""
    address = f'<span class="adr">{stack_lines.address(frame.address)}</span>' if frame.address is not None else ""
    symbol = f"<i>{shared[scope]}</i><b>{_safe(name)}</b>" if name else f'<span class="none">{_nameless(frame)}</span>'
    source = f' <span class="src">{_safe(where)}</span>' if where else ""
    own = ' class="own"' if is_own else ""
    return (
        f'<li{own}><span class="num">{number} </span>{image}'
        f'<span class="sym">{symbol}{offset}{source}</span>{address}{_around(frame, is_own)}</li>\n'
    )


def _around(frame: Frame, is_own: bool) -> str:
    """Source and local variables, folded but of the app's own frames; "" where the log has none."""
    if frame.source is None and not frame.variables:
        return ""
    lines, known = source_of(frame), frame.variables
    if not lines and not known:
        return ""
    code = "".join(
        f"<span{' class=at' if own else ''}><em>{number or ''}</em>{_safe(text)}\n</span>"
        for number, text, own in lines
    )
    rows = "".join(f"<dt>{_safe(name)}</dt><dd>{_safe(value)}</dd>" for name, value in known)
    what = " and ".join([*(["Source"] if lines else []), *(["variables"] if known else [])])
    return (
        f'<details class="around"{" open" if is_own and lines else ""}><summary>{what.capitalize()}</summary>'
        f"{f'<pre>{code}</pre>' if code else ''}{f'<dl>{rows}</dl>' if rows else ''}</details>"
    )


def _nameless(frame: Frame) -> str:
    if frame.offset is None or frame.image_address is None:
        return "no symbol"
    return f"no symbol, {frame.image_address:#x} + {frame.offset}"


def _scope_and_name(frame: Frame) -> tuple[str, str]:
    """The package, shown small, and class and function, shown large."""
    function, module = frame.function or "", frame.module or ""
    if not module or function.startswith(module + "."):
        return "", function or module
    package, _, name = module.rpartition(".")
    if "/" in module or " " in module:
        return f"{module} ", function
    return f"{package}." if package else "", f"{name}.{function}" if function else name


def _safe(text: str | None) -> str:
    printed = text if text and text.isprintable() else stack_lines.line(text)
    return escape(printed) if _SPECIAL.search(printed) else printed
