"""Bugsnag's payloads: a log for each event that one holds."""

import hashlib
import json
from typing import Any

from app.errors import BadParameters
from app.parsers.bugsnag_event import is_event
from app.parsers.envelope_items import json_object
from app.parsers.values import mapping

MAX_EVENTS = 100  # of one payload; notifiers send one
KEPT = ("payloadVersion", "notifier")  # beside the event; `apiKey` is the app's ingest key


def logs_of_payload(content: bytes) -> list[tuple[str | None, bytes]]:
    """(log_id, bytes) of each event, under the same name when it is sent again. Raises BadParameters.

    An event without a time has no name: two that are alike, byte by byte, may be two crashes.
    """
    payload = json_object(content)
    events = payload.get("events") if payload else None
    if payload is None or not isinstance(events, list) or not events:
        raise BadParameters("The payload is no JSON object with `events`")
    if len(events) > MAX_EVENTS:
        raise BadParameters(f"The payload has more than {MAX_EVENTS} events")
    for number, event in enumerate(events, 1):
        if not is_event(event):
            raise BadParameters(f"Event {number} has no `exceptions` that all have an `errorClass`")
    beside = {key: payload[key] for key in KEPT if key in payload}
    return [(_log_id(event), _written({**beside, "events": [event]})) for event in events]


def _log_id(event: dict[str, Any]) -> str | None:
    if not isinstance(mapping(event.get("device")).get("time"), str):
        return None
    return f"bugsnag-{hashlib.sha256(_written(event)).hexdigest()[:32]}"


def _written(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
