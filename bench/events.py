"""Crash events of 10 to 30 KB for ingest: the project's own Sentry samples, with as much around the crash as real ones have."""

import json
import uuid
from datetime import UTC, datetime
from random import Random
from typing import Any

from app.samples import samples

SMALLEST, LARGEST = 10_000, 30_000  # bytes
GROUPS = 20  # distinct crashes among the events
_random = Random(4)  # noqa: S311  sizes, the same in every run


def events(number: int) -> list[tuple[str, bytes]]:
    """(event id, JSON) of that many new events; in the one format that crashq and Bugsink both read."""
    found = [json.loads(path.read_text()) for path in samples() if path.parent.name == "sentry-event"]
    return [_event(found[index % len(found)], index % GROUPS) for index in range(number)]


def total_size(made: list[tuple[str, bytes]]) -> int:
    """Bytes of all of them."""
    return sum(len(content) for _, content in made)


def _event(sample: dict[str, Any], group: int) -> tuple[str, bytes]:
    event = json.loads(json.dumps(sample))
    event.pop("fingerprint", None)  # else all of a sample's events were one crash
    event["event_id"] = uuid.uuid4().hex
    event["timestamp"] = datetime.now(UTC).isoformat()
    for value in event["exception"]["values"]:
        value["type"] = f"{value['type']}{group}"
    crumbs = event["breadcrumbs"]
    crumbs = crumbs if isinstance(crumbs, list) else crumbs["values"]
    wanted, first = _random.randint(SMALLEST, LARGEST), list(crumbs)
    size, index = len(_text(event)), 0
    while size < wanted:
        crumb = {**first[index % len(first)], "data": {"step": index, "view": f"screen-{index % 7}"}}
        crumbs.append(crumb)
        size += len(_text(crumb)) + 1
        index += 1
    return event["event_id"], _text(event)


def _text(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
