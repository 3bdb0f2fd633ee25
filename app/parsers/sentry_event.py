"""Sentry events as JSON: as an SDK sends them, as Sentry stores them, and as its web API gives them.

Source: https://develop.sentry.dev/sdk/data-model/event-payloads/ (2024), the legacy `sentry.interfaces.*` keys of
the Raven clients (protocol 7), and `GET /api/0/projects/{org}/{project}/events/{id}/` with its `entries`.

One event is one crash report. An event with a message and no exception is an occurrence too: a fault without a type.
Transactions, security reports, feedback, sessions and check-ins tell of no crash and are refused, as are events that
name neither an exception nor a message nor a crashed thread. Left out on purpose: modules, spans, attachments.
"""

import re
from dataclasses import replace
from typing import Any

from app.crashes.log import CrashLog, Fault, Thread
from app.errors import MalformedLog
from app.parsers import sentry_contexts, sentry_details, sentry_images, sentry_stacks, values
from app.parsers.document import Document
from app.parsers.sentry_images import pick

FORMAT = "sentry-event"

_EVENT_ID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_EVENT_KEYS = """
breadcrumbs contexts culprit debug_meta dist entries environment exception extra fingerprint level logentry logger
message metadata modules platform project release request sdk server_name stacktrace tags threads timestamp transaction
user"""
_KEYS = frozenset(_EVENT_KEYS.split())
_OTHER_FORMATS = """
attribute binary_images callStackPerThread callStacks crash crash_info events exceptions metricKit report"""
_FOREIGN_KEYS = frozenset(_OTHER_FORMATS.split())
_NO_CRASH = {
    "transaction": "a transaction",
    "csp": "a security report",
    "hpkp": "a security report",
    "expectct": "a security report",
    "expectstaple": "a security report",
    "feedback": "user feedback",
    "replay_event": "a session replay",
    "generic": "a performance issue",
    "profile": "a profile",
}
_LEGACY = {  # Raven's names -> today's
    "sentry.interfaces.Exception": "exception",
    "sentry.interfaces.Message": "logentry",
    "sentry.interfaces.Stacktrace": "stacktrace",
    "sentry.interfaces.Breadcrumbs": "breadcrumbs",
    "sentry.interfaces.User": "user",
    "sentry.interfaces.Http": "request",
    "sentry.interfaces.threads": "threads",
    "sentry.interfaces.Contexts": "contexts",
    "sentry.interfaces.DebugMeta": "debug_meta",
}
_API_ENTRIES = {"message": "logentry", "debugmeta": "debug_meta"}  # entry type -> key; the others are alike
_API_KEYS = {"eventID": "event_id", "dateCreated": "timestamp"}
_PLATFORMS = {"cocoa": "apple", "objc": "apple", "swift": "apple", "c": "native", "node": "javascript"}


def sniff(document: Document) -> bool:
    """True when the log is one JSON object with the keys of a Sentry event, or with one of its exceptions."""
    event = document.json
    if not isinstance(event, dict) or not _FOREIGN_KEYS.isdisjoint(event):
        return False
    if any(key.startswith("sentry.interfaces.") for key in event) or _is_exception(event):
        return True
    event_id = pick(event, "event_id", "eventID")
    if isinstance(event_id, str) and _EVENT_ID.fullmatch(event_id):
        return len(_KEYS.intersection(event)) >= 2  # the header of an envelope has one: sdk
    exceptions = sentry_stacks.entries(event.get("exception"))
    if exceptions and "values" in values.mapping(event.get("exception")) and len(_KEYS.intersection(event)) >= 2:
        return True
    sdk = values.text(values.mapping(event.get("sdk")).get("name")) or ""
    is_sentrys = sdk.startswith(("sentry", "raven")) and "platform" in event
    return is_sentrys or (bool(exceptions) and all(map(_is_exception, exceptions)))


def _is_exception(value: dict[str, Any]) -> bool:
    named = isinstance(value.get("type"), str) or isinstance(value.get("value"), str)
    stack = value.get("stacktrace")
    return named and (
        (isinstance(stack, dict) and isinstance(stack.get("frames"), list))
        or (stack is None and "value" in value and isinstance(value.get("mechanism"), dict))
    )


def parse(document: Document) -> list[CrashLog]:
    """Return the one crash report of the event. Raises MalformedLog when it tells of no crash."""
    if not isinstance(document.json, dict):
        raise MalformedLog("The Sentry event is no JSON object")
    return [parse_event(document.json, brief=document.brief)]


def parse_event(event: dict[str, Any], *, brief: bool = False, may_be_empty: bool = False) -> CrashLog:
    """Return the crash report of one event, out of an envelope too. Raises MalformedLog when it tells of no crash.

    Breadcrumbs, custom data, source and variables are most of an event; `brief` leaves them out. `may_be_empty`: an event
    that names nothing is a report too, as Sentry's "unlabeled event" is.
    """
    event = _in_todays_keys(event)
    exceptions = sentry_stacks.entries(event.get("exception"))
    kind = event.get("type")
    if not exceptions and isinstance(kind, str) and kind in _NO_CRASH:
        raise MalformedLog(f"The Sentry event is {_NO_CRASH[kind]}, not a crash")
    platform = _platform(event)
    running = sentry_stacks.entries(event.get("threads"))
    threads = sentry_stacks.threads(running, exceptions, brief=brief)
    message = _message(event)
    images = sentry_images.images(event.get("debug_meta"))
    images += sentry_images.named_by_frames((*exceptions, *running, event), images)
    spans = sentry_images.spans(images)
    threads = tuple(replace(thread, frames=sentry_images.located(thread.frames, spans)) for thread in threads)
    faults = sentry_stacks.faults(exceptions, platform, brief=brief)
    faults = faults or (_fault_without_exception(event, message, threads, brief=brief),)
    if not (may_be_empty or exceptions or faults != (Fault(),) or any(thread.is_crashed for thread in threads)):
        raise MalformedLog("The Sentry event names no exception, message or crashed thread")
    faults = tuple(replace(fault, frames=sentry_images.located(fault.frames, spans)) for fault in faults)
    contexts = values.mapping(event.get("contexts"))
    custom = {} if brief else sentry_contexts.custom(event, contexts)
    contexts = sentry_contexts.with_client(event, contexts)
    browser = sentry_contexts.browser(contexts)
    if exceptions and message and not brief:
        custom["message"] = message
    return CrashLog(
        format=FORMAT,
        platform=platform,
        report_id=values.text(pick(event, "event_id", "id")),
        occurred_at=sentry_contexts.time(pick(event, "timestamp", "datetime")),
        started_at=sentry_contexts.time(values.mapping(contexts.get("app")).get("app_start_time")),
        level=sentry_contexts.level(event.get("level")),
        faults=_without_repeated_frames(faults, threads),
        threads=threads,
        images=images,
        mappings=sentry_images.mappings(event.get("debug_meta")),
        source_maps=sentry_images.source_maps(event.get("debug_meta")),
        source_bundles=() if brief else sentry_images.source_bundles(event.get("debug_meta")),
        app=sentry_contexts.app(event, contexts),
        os=sentry_contexts.system(contexts),
        device=sentry_contexts.device(contexts),
        user_id=sentry_contexts.user_id(event.get("user")),
        details=sentry_details.details(event, contexts),
        tags={**(browser.tags if browser else {}), **sentry_contexts.tags(event.get("tags"))},
        grouping_hint=sentry_contexts.grouping_hint(event.get("fingerprint")),
        custom=custom,
        breadcrumbs=() if brief else sentry_contexts.breadcrumbs(event.get("breadcrumbs")),
        notes=() if exceptions else ("The event names no exception",),
    )


def _in_todays_keys(event: dict[str, Any]) -> dict[str, Any]:
    """The event under the keys SDKs send today; a lone exception becomes an event."""
    if _is_exception(event) and "exception" not in event and not _KEYS.intersection(event).difference({"stacktrace"}):
        return {"exception": [event]}
    renamed = {_LEGACY.get(key, _API_KEYS.get(key, key)): value for key, value in event.items() if value is not None}
    for entry in sentry_stacks.entries(event.get("entries")):
        key = values.text(entry.get("type")) or ""
        renamed.setdefault(_API_ENTRIES.get(key, key), entry.get("data"))
    return renamed


def _platform(event: dict[str, Any]) -> str | None:
    name = values.text(event.get("platform"))
    return _PLATFORMS.get(name, name) if name else None


def _message(event: dict[str, Any]) -> str | None:
    """What the program logged with the event."""
    for key in ("logentry", "message"):
        message = sentry_stacks.message_text(event.get(key))
        if message:
            return message
    return None


def _fault_without_exception(
    event: dict[str, Any], message: str | None, threads: tuple[Thread, ...], *, brief: bool
) -> Fault:
    """The one fault of an event that has a message, a title or a crashed thread only."""
    metadata = values.mapping(event.get("metadata"))
    kind = values.text(metadata.get("type"))
    message = message or values.text(pick(metadata, "value", "title")) or values.text(event.get("title"))
    stack = sentry_stacks.frames(event.get("stacktrace"), brief=brief)
    if not stack and message and not any(thread.is_crashed for thread in threads):
        running = [thread for thread in sentry_stacks.entries(event.get("threads")) if thread.get("current") is True]
        stack = sentry_stacks.frames(running[0].get("stacktrace"), brief=brief) if running else ()
    return Fault(type=kind, message=message, frames=stack)


def _without_repeated_frames(faults: tuple[Fault, ...], threads: tuple[Thread, ...]) -> tuple[Fault, ...]:
    """Drop the stack of the outermost exception where the crashed thread repeats it."""
    crashed = next((thread for thread in threads if thread.is_crashed), None)
    outermost = faults[0]
    if not crashed or not crashed.frames or outermost.frames != crashed.frames:
        return faults
    return (replace(outermost, frames=()), *faults[1:])
