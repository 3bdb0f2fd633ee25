"""Sentry envelopes: what today's SDKs send, with an event among items that tell of no crash.

Source: https://develop.sentry.dev/sdk/data-model/envelopes/ (2024). Each `event` item is read as `sentry_event` reads one.
Left out on purpose: every other item. Attachments stay in the stored log; a session, a transaction or a client report is
no crash.
"""

from dataclasses import replace

from app.crashes.log import CrashLog
from app.errors import MalformedLog
from app.parsers import sentry_event
from app.parsers.document import Document
from app.parsers.envelope_items import Item, envelope_header, envelope_items, event_id_in, json_object

FORMAT = "sentry-envelope"

_HEADER_KEYS = frozenset({"event_id", "dsn", "sdk", "sent_at", "trace"})


def sniff(document: Document) -> bool:
    """True when the first line is an envelope's header and the second one an item's."""
    if not document.raw.lstrip(b"\xef\xbb\xbf").startswith(b"{"):
        return False
    try:
        header = envelope_header(document.raw)
        if not _HEADER_KEYS.issuperset(header):
            return False
        return next(envelope_items(document.raw), None) is not None
    except MalformedLog:
        return _first_item_is_one(document.raw)


def _first_item_is_one(raw: bytes) -> bool:
    """An envelope that is broken later on is one all the same: its reader is told where it breaks."""
    first, _, rest = raw.partition(b"\n")
    header, item = json_object(first), json_object(rest.partition(b"\n")[0])
    if header is None or item is None or not _HEADER_KEYS.issuperset(header):
        return False
    return isinstance(item.get("type"), str) and type(item.get("length")) is int


def parse(document: Document) -> list[CrashLog]:
    """The crash reports of the envelope's events, in its order. Raises MalformedLog when none of them tells of a crash."""
    event_id = event_id_in(envelope_header(document.raw))
    reports, kinds, problem = [], set(), None
    for item in envelope_items(document.raw):
        kinds.add(item.kind)
        if item.kind == "event":
            try:
                reports.append(_report(item, event_id, document.brief))
            except MalformedLog as error:
                problem = problem or error
    if reports:
        return reports
    if problem:
        raise problem
    raise MalformedLog(f"The Sentry envelope holds no event, only: {', '.join(sorted(kinds))[:200]}")


def _report(item: Item, event_id: str | None, brief: bool) -> CrashLog:
    event = json_object(item.payload)
    if event is None:
        raise MalformedLog("The event in the Sentry envelope is no JSON object")
    if event_id and event_id_in(event) is None:
        event["event_id"] = event_id
    return replace(sentry_event.parse_event(event, brief=brief), format=FORMAT)
