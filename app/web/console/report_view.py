"""A report of the schema in docs/report-schema.md as a page shows it: own frames open, runs of the others folded, all bounded."""

import json
import shlex
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from app.reports.detail_words import label_of
from app.web.console.report_facts import (
    Json,
    Pair,
    ShownCrumb,
    crumbs_of,
    custom_of,
    details_of,
    notes_of,
    pairs_of,
    tags_of,
)

MAX_FRAMES, MAX_EXCEPTIONS, MAX_THREADS, MAX_IMAGES, MAX_CRUMBS = 300, 20, 200, 400, 200
MAX_MISSING = 50
MAX_CUSTOM = 20_000  # characters
ALL_FRAMES = 3_000  # of all threads together; those of the crashed one first
OPEN_WITHOUT_OWN = 12  # frames shown of a stack that has none of the app
NOT_FOLDED = 1  # so many frames between own ones are shown all the same
MAX_RELATED = 10


class SourceLine(NamedTuple):
    """A line of source that the log has of a frame."""

    number: str
    text: str
    is_frames: bool  # it is the frame's own, not one around it


class ShownFrame(NamedTuple):
    """A line of a stack."""

    number: int
    name: str
    place: str  # file and line, else the image
    address: str
    note: str
    is_own: bool
    source: list[SourceLine]
    variables: list[Pair]


class FrameRun(NamedTuple):
    """Frames that follow each other, all shown or all folded."""

    frames: list[ShownFrame]
    is_folded: bool


class StackView(NamedTuple):
    """A stack in runs."""

    runs: list[FrameRun]
    text: str  # to be copied
    left_out: int  # frames beyond those that a page shows


class ShownFault(NamedTuple):
    """An exception or signal, and where it happened."""

    head: Json
    stack: StackView
    is_of_thread: bool  # the stack is the crashed thread's


class ShownThread(NamedTuple):
    """A thread; the registers of the crashed one only."""

    head: Json
    stack: StackView
    first: str  # the name of its first own frame, else of the first


class MissingFile(NamedTuple):
    """A file of symbols that would name frames."""

    name: str
    debug_id: str
    command: str  # that sends it; "": the log names no version by which the file would be found


class ReportView(NamedTuple):
    """What the template goes through."""

    report: Json
    environment: str
    details: list[Pair]  # label, value
    notes: list[str]
    tags: list[Pair]
    related: list[tuple[str, StackView]]  # who allocated or freed the memory: words, stack
    faults: list[ShownFault]
    threads: list[ShownThread]  # the crashed ones first
    images: list[Json]
    crumbs: list[ShownCrumb]
    missing: list[MissingFile]
    lacking: str  # what frames look like without these files
    custom: str  # JSON
    left_out: dict[str, int]  # what -> how many are not shown


def view_of(report: Json) -> ReportView:
    """The report's parts, no more of each than a page can hold."""
    threads = report["threads"]
    crashed = next((thread for thread in threads if thread["is_crashed"]), None)
    faults = []
    for number, fault in enumerate(report["exceptions"][:MAX_EXCEPTIONS]):
        is_of_thread = not fault["frames"] and number == 0 and crashed is not None
        frames = crashed["frames"] if is_of_thread and crashed else fault["frames"]
        faults.append(ShownFault(fault, stack_of(frames), is_of_thread))
    if not faults and crashed:
        unnamed = dict.fromkeys(("relation", "type", "message", "signal", "code"))
        faults.append(ShownFault(unnamed, stack_of(crashed["frames"]), True))
    shown, left = [], ALL_FRAMES
    for thread in sorted(threads[:MAX_THREADS], key=lambda one: not one["is_crashed"]):
        shown.append(_thread(thread, min(left, MAX_FRAMES)))
        left -= min(left, MAX_FRAMES, len(thread["frames"]))
    added = custom_of(report)
    custom = json.dumps(added, indent=2, ensure_ascii=False) if added else ""
    occurred_at = report.get("occurrence", {}).get("occurred_at")
    return ReportView(
        report,
        str(report.get("details", {}).get("environment") or report["custom"].get("environment") or ""),
        details_of(report),
        notes_of(report),
        tags_of(report),
        [(label_of(one["description"] or one["kind"]), stack_of(one["frames"])) for one in _related(report)],
        faults,
        shown,
        report["images"][:MAX_IMAGES],
        crumbs_of(report["breadcrumbs"][-MAX_CRUMBS:][::-1], occurred_at),
        [_missing(one, report["app"]) for one in report["missing_symbols"][:MAX_MISSING]],
        _lacking(report["missing_symbols"]),
        custom if len(custom) <= MAX_CUSTOM else custom[:MAX_CUSTOM] + "\n…",
        {
            "exceptions": max(len(report["exceptions"]) - MAX_EXCEPTIONS, 0),
            "threads": max(len(threads) - MAX_THREADS, 0),
            "images": max(len(report["images"]) - MAX_IMAGES, 0),
            "breadcrumbs": max(len(report["breadcrumbs"]) - MAX_CRUMBS, 0),
            "missing": max(len(report["missing_symbols"]) - MAX_MISSING, 0),
        },
    )


def _lacking(missing: list[Json]) -> str:
    words = {"native": "frames without names", "mapping": "obfuscated frames", "source_map": "minified frames"}
    kinds = {one["kind"] for one in missing}
    found = " and ".join(word for kind, word in words.items() if kind in kinds)
    return found[:1].upper() + found[1:]


def _missing(one: Json, app: Json) -> MissingFile:
    """With the command that sends it, by whatever a worker will find it: its own id, else version and build."""
    file = {"mapping": "mapping.txt", "source_map": f"{one['name']}.map"}.get(one["kind"], one["name"] or "FILE")
    release = {"version": app["version"], "build": app["build"]} if one["kind"] != "native" else {}
    options = [f"--{option} {shlex.quote(value)}" for option, value in release.items() if value]
    command = " ".join(["crashq remote symbols add --app", app["identifier"], *options, shlex.quote(file)])
    is_found = bool(one["debug_id"] or options)
    return MissingFile(one["name"] or one["kind"], one["debug_id"] or "", command if is_found else "")


def stack_of(frames: Sequence[Json], most: int = MAX_FRAMES) -> StackView:
    """The crash frame and those of the app open, the rest folded; without any of the app, the first ones open."""
    shown = [_frame(number, frame) for number, frame in enumerate(frames[:most])]
    has_own = any(frame.is_own for frame in shown)
    is_open = [frame.is_own or frame.number == 0 if has_own else frame.number < OPEN_WITHOUT_OWN for frame in shown]
    runs: list[FrameRun] = []
    for frame, opened in zip(shown, is_open, strict=True):
        if runs and runs[-1].is_folded is not opened:
            runs[-1].frames.append(frame)
        else:
            runs.append(FrameRun([frame], not opened))
    runs = [run._replace(is_folded=run.is_folded and len(run.frames) > NOT_FOLDED) for run in runs]
    return StackView(runs, "\n".join(_line(frame) for frame in shown), max(len(frames) - most, 0))


def _related(report: Json) -> list[Json]:
    """None in a report that an earlier version made."""
    found: list[Json] = report.get("related_stacks", [])[:MAX_RELATED]
    return found


def _thread(thread: Json, most: int) -> ShownThread:
    stack = stack_of(thread["frames"], most)
    frames = [frame for run in stack.runs for frame in run.frames]
    first = next((frame.name for frame in frames if frame.is_own), frames[0].name if frames else "")
    return ShownThread(thread, stack, first)


def _frame(number: int, frame: Json) -> ShownFrame:
    module, function, image = frame["module"], frame["function"], frame["image"]
    if function and module and not function.startswith(module):
        name = f"{module}.{function}"
    else:
        name = function or module or frame["address"] or "?"
    file = frame["file"] or ""
    place = ":".join(str(part) for part in (_base(file), frame["line"]) if part) if file else _base(image or "")
    return ShownFrame(
        number, name, place, frame["address"] or "", frame["note"] or "", frame["in_app"],
        _source(frame), pairs_of(frame.get("vars") or {}),
    )  # fmt: skip


def _source(frame: Json) -> list[SourceLine]:
    """None in a report that an earlier version made."""
    source = frame.get("source")
    if not source:
        return []
    lines = [*source["pre_context"], source["context_line"], *source["post_context"]]
    own = len(source["pre_context"])
    first = frame["line"] - own if frame["line"] else None
    return [SourceLine("" if first is None else str(first + at), text, at == own) for at, text in enumerate(lines)]


def _base(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2] or path


def _line(frame: ShownFrame) -> str:
    parts: Iterable[str] = (f"{frame.number:<3}", "*" if frame.is_own else " ", frame.name)
    return " ".join(parts) + (f"  ({frame.place})" if frame.place else "")
