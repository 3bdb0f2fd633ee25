"""A session of Measure's SDKs: many events of one run of the app in one log, with any number of crashes among them.

Source: the session files of Measure's SDKs (measure-sh/measure, `{"events": […], "spans": […]}`, 2025 and 2026), and
the list of events alone.

Each unhandled exception and each ANR is one crash report, in the order of the file; a session without any is read and
holds none. The events before a crash are its breadcrumbs, the latest 100. Left out on purpose: spans, attachments.
"""

from bisect import bisect_left
from dataclasses import replace
from operator import attrgetter
from typing import Any

from app.crashes.log import Breadcrumb, CrashLog
from app.errors import MalformedLog
from app.parsers import measure_event, values
from app.parsers.document import Document
from app.parsers.measure_stacks import listed

FORMAT = "measure-session"
MAX_BREADCRUMBS = 100  # events kept with each crash

_TIME = attrgetter("time")


def sniff(document: Document) -> bool:
    """True for an object with `events` that are Measure's, or with no events and `spans`."""
    session = document.json
    if isinstance(session, list):
        return bool(session) and all(map(_is_event, session))
    if not isinstance(session, dict) or not isinstance(session.get("events"), list):
        return False
    events = session["events"]
    if not events:
        return isinstance(session.get("spans"), list) and session.keys() == {"events", "spans"}
    return all(map(_is_event, events))


def parse(document: Document) -> list[CrashLog]:
    """The crash reports of the session, in its order. Raises MalformedLog when it has crashes and none can be read."""
    session = document.json
    events = listed(session if isinstance(session, list) else values.mapping(session).get("events"))
    crumbs = [] if document.brief else _breadcrumbs(events)
    found, reason = [], ""
    for event in events:
        if not isinstance(event.get("type"), str) or event["type"] not in measure_event.CRASHES:
            continue
        try:
            crash = measure_event.crash(event, FORMAT, document)
        except MalformedLog as error:
            reason = error.message
            continue
        if crash:
            found.append(_with_breadcrumbs(crash, crumbs))
    if reason and not found:
        raise MalformedLog(reason)
    return found


def _is_event(value: Any) -> bool:
    event = values.mapping(value)
    is_described = isinstance(event.get("attribute"), dict) or isinstance(event.get("session_id"), str)
    return isinstance(event.get("type"), str) and is_described


def _breadcrumbs(events: list[dict[str, Any]]) -> list[Breadcrumb]:
    """All events that have a time, oldest first."""
    read = []
    for event in events:
        kind, when = values.text(event.get("type")), measure_event.time(event)
        if kind and when and kind not in measure_event.CRASHES:
            data = values.plain_json(values.mapping(event.get(kind)))
            read.append(Breadcrumb(time=when, category=kind, data=data if isinstance(data, dict) else {}))
    return sorted(read, key=_TIME)


def _with_breadcrumbs(crash: CrashLog, crumbs: list[Breadcrumb]) -> CrashLog:
    if not crumbs or crash.occurred_at is None:
        return crash
    end = bisect_left(crumbs, crash.occurred_at, key=_TIME)
    return replace(crash, breadcrumbs=tuple(crumbs[max(0, end - MAX_BREADCRUMBS) : end]))
