"""Sessions as Sentry's SDKs report them: the items `session` (one session) and `sessions` (sums) of an envelope.

Source: https://develop.sentry.dev/sdk/telemetry/sessions/ (2025). Left out on purpose: duration, sequence number, address
and user agent. What is no session is dropped, as an SDK cannot send it better.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from app.db.models.session_batch import ABNORMAL, CRASHED, ERRORED, STARTED, SessionUpdate
from app.ingest.sessions import SessionNames, known_fact
from app.parsers import values
from app.parsers.envelope_items import Item, json_object
from app.parsers.sentry_contexts import release_parts

SESSION, SESSIONS = "session", "sessions"
MOST_UPDATES = 1_000  # of one envelope; the rest is dropped. An SDK sends up to 100 items
MAX_SUM = 1_000_000  # sessions of one kind in an aggregate, which is of a minute; a larger number counts as this one

_ENDS = {
    "crashed": CRASHED | ERRORED,
    "abnormal": ABNORMAL | ERRORED,
    "errored": ERRORED,
    "unhandled": ERRORED,
}
"""What a status tells; `ok` and `exited` tell nothing."""
_NOTHING = (0, 0, 0, 0)


def read_sessions(items: Iterable[Item], names: SessionNames) -> list[SessionUpdate]:
    """What the items tell, at most MOST_UPDATES."""
    found: list[SessionUpdate] = []
    for item in items:
        told = json_object(item.payload) or {}
        read = _session if item.kind == SESSION else _aggregates
        for update in read(told, names):
            if len(found) == MOST_UPDATES:
                return found
            found.append(update)
    return found


def _session(told: dict[str, Any], names: SessionNames) -> Iterator[SessionUpdate]:
    sid = values.text(told.get("sid"))
    if sid is None:
        return
    errors = values.integer(told.get("errors")) or 0
    flags = (STARTED if told.get("init") is True else 0) | (ERRORED if errors > 0 else 0)
    flags |= _ENDS.get(str(told.get("status")), 0)
    user = names.user(values.text(told.get("did")))
    if flags or user is not None:
        day, version, environment = _key(told, told.get("started"), names)
        yield SessionUpdate(day, version, environment, names.sid(sid), flags, _NOTHING, user)


def _aggregates(told: dict[str, Any], names: SessionNames) -> Iterator[SessionUpdate]:
    for each in map(values.mapping, values.items(told.get("aggregates"))):
        exited, errored, unhandled, crashed, abnormal = (
            min(max(values.integer(each.get(name)) or 0, 0), MAX_SUM)
            for name in ("exited", "errored", "unhandled", "crashed", "abnormal")
        )
        with_error = errored + unhandled + crashed + abnormal
        if exited or with_error:
            day, version, environment = _key(told, each.get("started"), names)
            sums = (exited + with_error, with_error, crashed, abnormal)
            yield SessionUpdate(day, version, environment, None, 0, sums, names.user(values.text(each.get("did"))))


def _key(told: dict[str, Any], started: Any, names: SessionNames) -> tuple[str, str, str]:
    attributes = values.mapping(told.get("attrs"))
    _, version, _ = release_parts(attributes.get("release"))
    environment = values.text(attributes.get("environment"))
    return names.day(values.utc_time(started)), known_fact(version), known_fact(environment)
