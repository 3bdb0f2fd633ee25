"""The lines of Android's log that debuggerd puts at the end of a tombstone: what happened before the crash.

Source: AOSP `system/core/debuggerd/libdebuggerd/tombstone_proto_to_text.cpp` and `tombstone.proto` (Android 4.4 to 16).
Lines have neither year nor zone: those of the tombstone's own time are taken.
"""

import re
from collections.abc import Iterable
from datetime import datetime

from app.crashes.log import Breadcrumb
from app.parsers import values
from app.parsers.protobuf_wire import ProtobufMessage

MAX_LINES = 100  # the last ones
_MAX_LINE = 4_000

_HEADING = re.compile(r"--------- (?:tail end of )?log \w{1,30}(?: \(.{0,500}\))?[ \t]*$")
_END = re.compile(r"(?:---------? .*|--- --- .*|\*\*\* .*|[a-z][\w ]{1,60}:)[ \t]*$")
_LINE = re.compile(
    r"(?P<time>\d\d-\d\d \d\d:\d\d:\d\d[.,]\d{3,9}) {1,8}\d{1,10} {1,8}\d{1,10} (?P<level>[VDIWEFAS])"
    r" (?P<tag>[^:\n]{0,200}?) {0,20}: ?(?P<text>.*)$"
)
_STAMP = re.compile(r"(?P<year>\d{4})-\d\d-\d\d .{1,40}?(?P<zone>[+-]\d\d:?\d\d)?$")
_LEVELS = {"V": "verbose", "D": "debug", "I": "info", "W": "warning", "E": "error", "F": "fatal", "A": "fatal"}
_PRIORITIES = {2: "V", 3: "D", 4: "I", 5: "W", 6: "E", 7: "F"}

# Numbers of the fields of each message.
_BUFFERS, _TIMESTAMP = 18, 4
_LOGS = 2
_TIME, _PRIORITY, _TAG, _MESSAGE = 1, 4, 5, 6


def of_text(lines: Iterable[str]) -> tuple[Breadcrumb, ...]:
    """The last lines of the log in the lines of one tombstone, oldest first."""
    found: list[Breadcrumb] = []
    stamp: str | None = None
    is_open = False
    for full in lines:
        line = full[:_MAX_LINE]
        if line.startswith("Timestamp: "):
            stamp = stamp or line[11:].strip()
        if _HEADING.match(line):
            is_open = True
        elif is_open and (said := _LINE.match(line)):
            found.append(_crumb(said["time"], stamp, said["level"], said["tag"], said["text"]))
        elif is_open and _END.match(line):
            is_open = False
    return _last(found)


def of_proto(tombstone: ProtobufMessage) -> tuple[Breadcrumb, ...]:
    """The same of a tombstone as protobuf."""
    stamp = tombstone.text(_TIMESTAMP)
    found = [
        _crumb(
            line.text(_TIME), stamp, _PRIORITIES.get(line.integer(_PRIORITY), ""), line.text(_TAG), line.text(_MESSAGE)
        )
        for buffer in tombstone.messages(_BUFFERS)
        for line in buffer.messages(_LOGS)
    ]
    return _last([each for each in found if each.message])


def _crumb(time: str | None, stamp: str | None, level: str, tag: str | None, text: str | None) -> Breadcrumb:
    return Breadcrumb(_time(time, stamp), values.text((tag or "").strip()), _LEVELS.get(level), values.text(text))


def _time(time: str | None, stamp: str | None) -> datetime | None:
    known = _STAMP.match(stamp or "")
    return values.utc_time(f"{known['year']}-{time}{known['zone'] or ''}") if known and time else None


def _last(found: list[Breadcrumb]) -> tuple[Breadcrumb, ...]:
    """Several buffers follow each other; by time they are one, as far as they have it."""
    if all(each.time for each in found):
        found = sorted(found, key=lambda each: (each.time is None, each.time))
    return tuple(found[-MAX_LINES:])
