"""Bugsnag's payloads: a log for each event that one holds, and sessions, those that started and those of events.

Source of sessions: https://bugsnagsessiontrackingapi.docs.apiary.io (version 1.0) and `session` of the error reporting API,
payload version 4 and 5. What is no session is dropped.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from app.db.models.session_batch import CRASHED, ERRORED, STARTED, SessionUpdate
from app.errors import BadParameters
from app.ingest.sessions import SessionNames, known_fact
from app.parsers import values
from app.parsers.bugsnag_event import is_event
from app.parsers.envelope_items import json_object
from app.parsers.values import mapping

MAX_EVENTS = 100  # of one payload; notifiers send one
KEPT = ("payloadVersion", "notifier")  # beside the event; `apiKey` is the app's ingest key

MOST_UPDATES = 1_000  # of one payload; the rest is dropped
MAX_SUM = 1_000_000  # sessions that started in a minute; a larger number counts as this one
_NOTHING = (0, 0, 0, 0)


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


def read_session_payload(content: bytes, names: SessionNames) -> list[SessionUpdate]:
    """What the body of `/sessions` says: sessions by their ids, or how many started in each minute."""
    payload = json_object(content) or {}
    app, user = values.mapping(payload.get("app")), payload.get("user")
    found: list[SessionUpdate] = []
    for each in map(values.mapping, values.items(payload.get("sessions"))):
        found += _update(each, app, each.get("user") or user, STARTED, names)
    for each in map(values.mapping, values.items(payload.get("sessionCounts"))):
        number = min(values.integer(each.get("sessionsStarted")) or 0, MAX_SUM)
        if number > 0:
            found.append(SessionUpdate(*_key(each, app, names), None, 0, (number, 0, 0, 0), None))
    return found[:MOST_UPDATES]


def read_sessions_of_events(content: bytes, names: SessionNames) -> list[SessionUpdate]:
    """What a payload of events says of the sessions in which they happened."""
    found: list[SessionUpdate] = []
    for event in map(values.mapping, values.items((json_object(content) or {}).get("events"))):
        session = values.mapping(event.get("session"))
        number = values.mapping(session.get("events"))
        flags = ERRORED if (values.integer(number.get("handled")) or 0) > 0 else 0
        if (values.integer(number.get("unhandled")) or 0) > 0:
            flags |= CRASHED | ERRORED
        if flags:
            found += _update(session, values.mapping(event.get("app")), event.get("user"), flags, names)
    return found[:MOST_UPDATES]


def _update(
    session: dict[str, Any], app: dict[str, Any], user: Any, flags: int, names: SessionNames
) -> Iterator[SessionUpdate]:
    sid = values.text(session.get("id"))
    if sid is not None:
        who = names.user(values.text(values.mapping(user).get("id")))
        yield SessionUpdate(*_key(session, app, names), names.sid(sid), flags, _NOTHING, who)


def _key(session: dict[str, Any], app: dict[str, Any], names: SessionNames) -> tuple[str, str, str]:
    day = names.day(values.utc_time(session.get("startedAt")))
    return day, known_fact(values.text(app.get("version"))), known_fact(values.text(app.get("releaseStage")))
