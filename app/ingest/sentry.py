"""What Sentry's SDKs send: which of it is a crash log, and under which name. Nothing but headers is read where they suffice."""

import base64
import binascii
import hashlib
import io
import re
from typing import NamedTuple

from app.errors import BadParameters, MalformedLog
from app.ingest.unpacking import read_body
from app.parsers.envelope_items import envelope_header, envelope_items, event_id_in, json_object

MINIDUMP = "event.minidump"  # the attachment_type of a dump
NO_CRASH = frozenset({"transaction", "replay_event", "profile", "feedback", "csp", "hpkp", "expectct", "expectstaple"})

_DSN_KEY = re.compile(r"[a-z]+://([^:@/]+)(?::[^@/]*)?@")


def key_of_envelope(first_line: bytes) -> str | None:
    """The key of the DSN in an envelope's header; None without one."""
    dsn = _DSN_KEY.match(str((json_object(first_line) or {}).get("dsn")))
    return dsn[1] if dsn else None


class Sent(NamedTuple):
    """One envelope or event as a log."""

    event_id: str | None  # 32 hex digits; what the SDK is answered with
    log_id: str  # the same for whatever an SDK sends of this event again
    is_crash: bool  # False: taken and dropped
    content: bytes  # what is stored


def read_envelope(content: bytes) -> Sent:
    """Tell what an envelope holds. Raises BadParameters where its framing breaks."""
    try:
        header = envelope_header(content)
        event_id, has_event, has_dump = event_id_in(header), False, False
        for item in envelope_items(content):
            if item.kind == "event":
                event_id = event_id or event_id_in(json_object(item.payload) or {})
                has_event = True
            has_dump = has_dump or (item.kind == "attachment" and item.header.get("attachment_type") == MINIDUMP)
    except MalformedLog as error:
        raise BadParameters(error.message) from None
    if has_event or has_dump:
        event_id = event_id or _made_id(content)
    name = f"{event_id}-minidump" if has_dump and not has_event else str(event_id)
    return Sent(event_id, name, has_event or has_dump, content)


def read_event(content: bytes, max_bytes: int) -> Sent:
    """Tell what the body of `/store/` holds: JSON, or as old clients send it, base64 of zlib's format. Raises BadParameters."""
    if content and not content.lstrip().startswith(b"{"):
        try:
            packed = base64.b64decode(content, validate=False)
        except (binascii.Error, ValueError):
            raise BadParameters("The event is no JSON object") from None
        content = read_body(io.BytesIO(packed), "deflate", max_bytes)
    event = json_object(content)
    if event is None:
        raise BadParameters("The event is no JSON object")
    event_id = event_id_in(event) or _made_id(content)
    return Sent(event_id, event_id, event.get("type") not in NO_CRASH, content)


def _made_id(content: bytes) -> str:
    """An id for an event without one: the same for the same bytes."""
    return hashlib.sha256(content).hexdigest()[:32]
