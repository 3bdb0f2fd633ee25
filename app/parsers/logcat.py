"""The lines of a log without Android's logcat prefixes, each with the stream (process, thread and tag) that wrote it.

Source: AOSP `system/logging/liblog/logprint.cpp` (Android 14) for brief, process, tag, thread, time, threadtime and
long with the modifiers year, zone, usec, epoch and uid; Android Studio's logcat panes, old (`1234-1250/com.app E/Tag:`)
and new (`1234-1250  Tag  com.app  E  `). Priorities are left out on purpose: no format needs them.
"""

import re
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from app.parsers import values

_DATE = r" {0,16}(?P<time>(?:\d{4}-)?\d\d-\d\d \d\d:\d\d:\d\d[.,]\d{3,9}(?: [+-]\d\d:?\d\d)?|\d{1,12}\.\d{3,9})"
_GAP = r"[ \t]{1,16}"  # bounded: two unbounded runs of blanks side by side would take quadratic time
_WHO = rf"(?:[\w-]{{1,32}}:?{_GAP})?"  # -v uid
_FORMS = tuple(
    re.compile(form)
    for form in (
        # threadtime: 09-13 08:03:31.123  1234  1250 E AndroidRuntime: text
        rf"{_DATE}{_GAP}{_WHO}(?P<pid>\d+){_GAP}(?P<tid>\d+) [VDIWEFAS] (?P<tag>[^:]*): ?(?P<text>.*)$",
        # Android Studio, old: 2024-09-13 08:03:31.123 1234-1250/com.app E/AndroidRuntime: text
        rf"{_DATE}{_GAP}(?P<pid>\d+)-(?P<tid>\d+)/(?P<app>\S+) [VDIWEFAS]/(?P<tag>[^:]*): ?(?P<text>.*)$",
        # Android Studio, new: 2024-09-13 08:03:31.123  1234-1250  AndroidRuntime  com.app  E  text
        rf"{_DATE}{_GAP}(?P<pid>\d+)-(?P<tid>\d+)[ \t]+(?P<tag>\S+)[ \t]+(?P<app>\S+)[ \t]+[VDIWEFAS]  (?P<text>.*)$",
        # time, brief and tag: [09-13 08:03:31.123 ]E/AndroidRuntime[( 1234)]: text
        rf"(?:{_DATE}{_GAP})?[VDIWEFAS]/(?P<tag>[^:(]*)(?:\([ \t]*(?:\w+:)?(?P<pid>\d+)\))?: ?(?P<text>.*)$",
        # thread: E( 1234: 1250) text; process: E( 1234) text  (AndroidRuntime)
        r"[VDIWEFAS]\([ \t]*(?P<pid>\d+)(?::[ \t]*(?P<tid>\w+))?\) (?P<text>.*)$",
    )
)
_LONG = re.compile(rf"\[ {_DATE}{_GAP}{_WHO}(?P<pid>\d+):[ \t]*(?P<tid>\w+) [VDIWEFAS]/(?P<tag>\S*)[ \t]*\]$")
_TRAILING_TAG = re.compile(r"(?P<text>.*)  \((?P<tag>[^()]*)\)[ \t]*$")
_MAYBE_PREFIX = re.compile(r" {0,16}\d|[VDIWEFAS][/(]")  # what a prefix begins with; spares most lines of a plain log

_ZONE = re.compile(r"[+-]\d\d:?\d\d$")

MAX_BLANKS = 5  # empty lines kept of a row
Stream = tuple[int | None, int | None, str | None]  # process id, thread id, tag


class LogLine(NamedTuple):
    """One line as the program wrote it."""

    number: int  # from 0, in the whole log
    text: str
    stream: Stream | None = None  # None: the line has no prefix
    time: str | None = None  # as the prefix gives it, mostly without year and zone
    app: str | None = None  # application id, where Android Studio names it
    column: int = 0  # where the text began behind the prefix


def read(log: str) -> list[LogLine]:
    """Return the lines of the log. A line without a prefix belongs to the line before it, as in `logcat -v long`."""
    lines: list[LogLine] = []
    last = LogLine(0, "")
    is_long = False  # `-v long` ends each message with an empty line of its own
    blanks = 0
    forms = list(_FORMS)
    for number, raw in enumerate(log.split("\n")):
        blanks = 0 if raw else blanks + 1
        if blanks > MAX_BLANKS:
            continue
        header = _LONG.match(raw) if raw.startswith("[ ") else None
        if header:
            if is_long and lines and not lines[-1].text:
                lines.pop()
            stream = _stream(header["pid"], header["tid"], header["tag"])
            last, is_long = LogLine(number, "", stream, header["time"]), True
            continue
        line = _prefixed(number, raw, forms) if _MAYBE_PREFIX.match(raw) else None
        if line is None:
            text = _unpadded(raw, last) if last.app else raw
            line = LogLine(number, text, last.stream, last.time, last.app, last.column)
        else:
            is_long = False
        last = line
        lines.append(line)
    return lines


def _unpadded(raw: str, last: LogLine) -> str:
    """Without the blanks that Android Studio puts in place of a prefix on the further lines of a message."""
    return raw[last.column :] if not raw[: last.column].strip(" ") else raw


def streams(lines: list[LogLine]) -> list[list[LogLine]]:
    """Return the lines of each stream, in order: what one thread wrote under one tag, with no other lines between."""
    by_stream: dict[Stream | None, list[LogLine]] = {}
    for line in lines:
        by_stream.setdefault(line.stream, []).append(line)
    return list(by_stream.values())


def utc_time(time: str | None) -> datetime | None:
    """The time of a prefix when it is a full date (no zone means UTC) or a count since 1970; else None."""
    if time and time[4:5] == "-":
        return values.utc_time(time)
    if time and "-" not in time and len(time.partition(".")[0]) == 10:  # -v monotonic counts from boot: fewer digits
        return values.unix_time(float(time))
    return None


def has_zone(time: str | None) -> bool:
    """True when the time of a prefix tells its zone; a count since 1970 does."""
    return time is not None and (_ZONE.search(time) is not None or "-" not in time)


def _prefixed(number: int, raw: str, forms: list[re.Pattern[str]]) -> LogLine | None:
    """The line behind its prefix. `forms` are tried in their order; the one that fits is moved to the front."""
    for form in forms:
        match = form.match(raw)
        if match:
            if form is not forms[0]:
                forms.remove(form)
                forms.insert(0, form)
            parts = match.groupdict()
            trailing = None if "tag" in parts or parts["tid"] else _TRAILING_TAG.match(parts["text"])
            if trailing:
                parts |= trailing.groupdict()
            column = match.start("text")
            stream = _stream(parts.get("pid"), parts.get("tid"), parts.get("tag"))
            return LogLine(number, parts["text"], stream, parts.get("time"), parts.get("app"), column)
    return None


@lru_cache(maxsize=1_024)
def _stream(pid: str | None, tid: str | None, tag: str | None) -> Stream:
    return values.integer(pid), values.integer(tid), (tag or "").strip() or None
