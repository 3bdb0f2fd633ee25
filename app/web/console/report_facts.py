"""Facts of a report as fields of a page: what the log says of app and device, its tags, and its breadcrumbs as a timeline."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from app.reports.detail_words import before_crash, detail, label_of

MAX_DETAILS, MAX_TAGS, MAX_PAIRS = 60, 100, 50
MAX_VALUE = 1_000  # characters shown of a value
FOLDED_PAIRS, FOLDED_LENGTH = 6, 240  # pairs and characters beyond which the data of a breadcrumb are folded

Json = dict[str, Any]
Pair = tuple[str, str]  # label or name, value

_ELSEWHERE = ("environment",)  # details that stand at the top of a report
_SMALL = "Revision|Rooted|Kernel|Scripting backend|Process uptime|Distribution|In the archive|Exception Note"
_NOTED_FACT = re.compile(rf"({_SMALL}): (\S.{{0,200}})")  # a note that tells nothing of the crash


class ShownCrumb(NamedTuple):
    """A breadcrumb of the timeline."""

    before: str  # "-12.4 s"; "" where no time is known
    at: str  # RFC 3339, with milliseconds where the log tells them
    clock: str  # "2018-09-13 12:00:00.250 UTC"
    kind: str
    mood: str
    message: str
    data: list[Pair]  # by name
    is_folded: bool


def crumbs_of(crumbs: Iterable[Json], occurred_at: str | None) -> list[ShownCrumb]:
    """The same in the order given, with the time from each to the crash."""
    crash = datetime.fromisoformat(occurred_at) if occurred_at else None
    return [_crumb(crumb, crash) for crumb in crumbs]


def details_of(report: Json) -> list[Pair]:
    """What else the log says, in its order, then facts that it words as notes: label and value."""
    found = [
        (label_of(key), detail(key, value)) for key, value in report.get("details", {}).items() if key not in _ELSEWHERE
    ]
    return [*found[:MAX_DETAILS], *((named[1], named[2]) for named in map(_noted, report["notes"]) if named)]


def notes_of(report: Json) -> list[str]:
    """Sentences for the reader, without notes that are facts."""
    return [note for note in report["notes"] if not _noted(note)]


def tags_of(report: Json) -> list[Pair]:
    """The tags that the app has set, by name."""
    tags = report["custom"].get("tags")
    return pairs_of(tags, MAX_TAGS) if isinstance(tags, Mapping) else []


def custom_of(report: Json) -> Json:
    """What the app added and no field above shows."""
    shown = {"environment", *(["tags"] if tags_of(report) else [])}
    return {name: value for name, value in report["custom"].items() if name not in shown}


def pairs_of(values: Mapping[str, Any], most: int = MAX_PAIRS) -> list[Pair]:
    """Name and value of each, by name: a log may write them in another order each time."""
    return [(name, _text(value)) for name, value in sorted(values.items())[:most]]


def _noted(note: str) -> re.Match[str] | None:
    return _NOTED_FACT.fullmatch(note)


def _crumb(crumb: Json, crash: datetime | None) -> ShownCrumb:
    at = datetime.fromisoformat(crumb["time"]) if crumb.get("time") else None
    level, category = crumb.get("level"), crumb.get("category")
    data = pairs_of(crumb.get("data") or {})
    length = sum(len(name) + len(value) for name, value in data)
    return ShownCrumb(
        before_crash(at, crash),
        crumb.get("time") or "",
        f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d} UTC" if at else "",
        " ".join(word for word in (level, category) if word),
        "bad" if level in ("error", "fatal", "critical") else "warn" if level == "warning" else "plain",
        crumb.get("message") or "",
        data,
        len(data) > FOLDED_PAIRS or length > FOLDED_LENGTH,
    )


def _text(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"
