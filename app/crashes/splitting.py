"""Groups that an app's members have split: rules that set some crash reports of a group apart from the rest of it."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from app.crashes.blame import Blame
from app.crashes.fingerprint import Fingerprint, refined
from app.crashes.log import CrashLog, Fault
from app.crashes.stable_text import stable_text
from app.errors import BadParameters

MAX_SPLITS, MAX_PATTERN = 20, 200  # of one app; characters
MAX_FRAMES = 100  # of the crashed stack that a function is sought in
CONDITIONS = ("type", "message", "function", "app_version", "os_name", "os_version")
BY = ("message", "app_version", "os_name", "os_version")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Split(NamedTuple):
    """One rule: reports for which all conditions hold are set apart, together or by what one of them tells."""

    name: str
    conditions: tuple[tuple[str, str], ...]  # what, pattern: `*` stands for any text
    by: str | None


def read_splits(given: Any) -> tuple[Split, ...]:
    """Rules from the value of the setting `splits`; nothing given is none. Raises BadParameters."""
    if given is None:
        return ()
    if not isinstance(given, list) or len(given) > MAX_SPLITS:
        raise BadParameters(f"splits is a list of at most {MAX_SPLITS}")
    made = tuple(map(_split, given))
    if len({split.name for split in made}) != len(made):
        raise BadParameters("splits: two have one name")
    return made


def split_apart(made: Fingerprint, log: CrashLog, splits: tuple[Split, ...]) -> Fingerprint:
    """The fingerprint of a report by the first split that it falls under; the same one where there is none."""
    for split in splits:
        if all(_holds(log, what, pattern) for what, pattern in split.conditions):
            value = (f"{split.by}: {_value(log, split.by)}",) if split.by else ()
            return refined(made, (f"split: {split.name}", *value))
    return made


def matches(pattern: str, text: str) -> bool:
    """True when the whole text is as the pattern says, in which each `*` stands for any text; in linear time."""
    first, *middle = pattern.split("*")
    if not middle:
        return text == pattern
    last = middle.pop()
    at, end = len(first), len(text) - len(last)
    if at > end or not text.startswith(first) or not text.endswith(last):
        return False
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _split(given: Any) -> Split:
    if not isinstance(given, Mapping) or not set(given) <= {"name", "by", *CONDITIONS}:
        raise BadParameters(f"splits: each is an object with name, by and {', '.join(CONDITIONS)}")
    name, by = given.get("name"), given.get("by")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadParameters("splits: a name has 1 to 32 of the signs A-Z a-z 0-9 _ -")
    if by is not None and by not in BY:
        raise BadParameters(f"splits: by is one of {', '.join(BY)}")
    conditions = tuple((what, given[what]) for what in CONDITIONS if what in given)
    for what, pattern in conditions:
        if not isinstance(pattern, str) or not 0 < len(pattern) <= MAX_PATTERN or _UNSTORABLE.search(pattern):
            raise BadParameters(f"splits: {what} is a text of 1 to {MAX_PATTERN} characters")
    if not conditions:
        raise BadParameters(f"splits: {name} has no condition; known are {', '.join(CONDITIONS)}")
    return Split(name, conditions, by)


def _holds(log: CrashLog, what: str, pattern: str) -> bool:
    fault = log.faults[0] if log.faults else Fault()
    if what == "function":
        return any(matches(pattern, function) for function in _functions(log))
    if what == "message":
        return any(matches(pattern, one.message) for one in log.faults if one.message)
    value = (fault.type or fault.signal) if what == "type" else _fact(log, what)
    return value is not None and matches(pattern, value)


def _functions(log: CrashLog) -> list[str]:
    """Those of the crashed stack, with their classes where the log has them apart."""
    frames = Blame(log).frames[:MAX_FRAMES]
    return [
        f"{frame.module}.{frame.function}" if frame.module else frame.function for frame in frames if frame.function
    ]


def _value(log: CrashLog, by: str) -> str:
    if by == "message":
        return stable_text(next((fault.message for fault in log.faults if fault.message), ""))
    return _fact(log, by) or ""


def _fact(log: CrashLog, name: str) -> str | None:
    return {"app_version": log.app.version, "os_name": log.os.name, "os_version": log.os.version}[name]
