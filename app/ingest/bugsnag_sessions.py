"""Sessions as Bugsnag's notifiers report them: those that started, and of an event the session in which it happened.

Source: https://bugsnagsessiontrackingapi.docs.apiary.io (version 1.0) and `session` of the error reporting API, payload
version 4 and 5. What is no session is dropped.
"""

from collections.abc import Iterator
from typing import Any

from app.db.models.session_batch import CRASHED, ERRORED, STARTED, SessionUpdate
from app.ingest.session_names import SessionNames, known_fact
from app.parsers import values
from app.parsers.envelope_items import json_object

MOST_UPDATES = 1_000  # of one payload; the rest is dropped
MAX_SUM = 1_000_000  # sessions that started in a minute; a larger number counts as this one
_NOTHING = (0, 0, 0, 0)


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
