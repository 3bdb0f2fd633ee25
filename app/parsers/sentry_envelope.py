"""Sentry envelopes: what today's SDKs send, with an event among items that tell of no crash.

Source: https://develop.sentry.dev/sdk/data-model/envelopes/ (2024). Each `event` item is read as `sentry_event` reads one.
A native SDK tells a crash by an attached minidump: it gives the stacks to the first event that has no exception, or is a
report of its own where there is no event. Left out on purpose: every other item. Other attachments stay in the stored
log; a session, a transaction or a client report is no crash.
"""

from dataclasses import replace

from app.crashes.log import AppInfo, CrashLog, DeviceInfo, OsInfo
from app.errors import MalformedLog
from app.parsers import minidump, sentry_event, values
from app.parsers.document import Document
from app.parsers.envelope_items import Item, envelope_header, envelope_items, event_id_in, json_object

FORMAT = "sentry-envelope"

_HEADER_KEYS = frozenset({"event_id", "dsn", "sdk", "sent_at", "trace"})


def sniff(document: Document) -> bool:
    """True when the first line is an envelope's header and the second one an item's."""
    if not document.raw.lstrip(b"\xef\xbb\xbf").startswith(b"{") or b"\n" not in document.raw.rstrip():
        return False
    try:
        header = envelope_header(document.raw)
        if not _HEADER_KEYS.issuperset(header):
            return False
        return next(envelope_items(document.raw), None) is not None
    except MalformedLog:
        return _first_item_is_one(document.raw)


def _first_item_is_one(raw: bytes) -> bool:
    """An envelope that is broken later on is one all the same: the parser reports where it breaks."""
    first, _, rest = raw.partition(b"\n")
    header, item = json_object(first), json_object(rest.partition(b"\n")[0])
    if header is None or item is None or not _HEADER_KEYS.issuperset(header):
        return False
    return isinstance(item.get("type"), str) and type(item.get("length")) is int


def parse(document: Document) -> list[CrashLog]:
    """The crash reports of the envelope's events, in its order. Raises MalformedLog when none of them tells of a crash."""
    header = envelope_header(document.raw)
    event_id, sent_at = event_id_in(header), values.utc_time(header.get("sent_at"))
    items = list(envelope_items(document.raw))
    dump = next((item.payload for item in items if _is_minidump(item)), None)
    reports, problem = [], None
    for item in items:
        if item.kind == "event":
            try:
                report, has_dump = _report(item, event_id, dump, document.brief)
            except MalformedLog as error:
                problem = problem or error
            else:
                reports.append(report)
                dump = None if has_dump else dump
    if reports:
        return [replace(report, sent_at=sent_at) for report in reports]
    if problem:
        raise problem
    if dump is not None:
        log = minidump.parse_dump(dump)
        return [replace(log, format=FORMAT, report_id=event_id or log.report_id, sent_at=sent_at)]
    raise MalformedLog(
        f"The Sentry envelope holds no event, only: {', '.join(sorted({item.kind for item in items}))[:200]}"
    )


def _is_minidump(item: Item) -> bool:
    return item.kind == "attachment" and (
        item.header.get("attachment_type") == "event.minidump" or item.payload.startswith(b"MDMP")
    )


def _report(item: Item, event_id: str | None, dump: bytes | None, brief: bool) -> tuple[CrashLog, bool]:
    """(the event's report, whether the dump went into it)."""
    event = json_object(item.payload)
    if event is None:
        raise MalformedLog("The event in the Sentry envelope is no JSON object")
    if event_id and event_id_in(event) is None:
        event["event_id"] = event_id
    if dump is None or event.get("exception"):
        return replace(sentry_event.parse_event(event, brief=brief, may_be_empty=True), format=FORMAT), False
    try:
        crash = minidump.parse_dump(dump)
    except MalformedLog as error:
        try:
            log = sentry_event.parse_event(event, brief=brief)
        except MalformedLog:
            raise error from None  # an event that leaves the crash to its dump says nothing itself
        return replace(log, format=FORMAT, notes=(*log.notes, error.message)), True
    described = sentry_event.parse_event(
        {"message": "minidump", **event}, brief=brief
    )  # a native event names nothing itself
    return _joined(described, crash), True


def _joined(event: CrashLog, dump: CrashLog) -> CrashLog:
    """What the event tells of app, device and user, and what the dump tells of the crash."""
    return replace(
        event,
        format=FORMAT,
        platform=dump.platform,
        occurred_at=event.occurred_at or dump.occurred_at,
        started_at=event.started_at or dump.started_at,
        level=event.level or dump.level,
        process=dump.process,
        process_id=dump.process_id,
        faults=dump.faults,
        threads=dump.threads,
        walk=dump.walk,
        images=dump.images,
        app=dump.app if event.app == AppInfo() else event.app,
        os=dump.os if event.os == OsInfo() else event.os,
        device=dump.device if event.device == DeviceInfo() else event.device,
        custom={**dump.custom, **event.custom},
        notes=dump.notes,
    )
