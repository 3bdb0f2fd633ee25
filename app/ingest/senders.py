"""What other programs send: Sentry's SDKs, ACRA, Breakpad and Crashpad. Which of it is a crash log, under which name,
and what is kept of an envelope that is too large.
"""

import base64
import binascii
import hashlib
import io
import json
import re
import struct
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

from app.errors import BadParameters, MalformedLog, TooLarge
from app.ingest.sentry_sessions import SESSION, SESSIONS
from app.ingest.unpacking import Readable, read_body
from app.parsers.envelope_items import (
    MAX_HEADER,
    MAX_ITEMS,
    Item,
    envelope_header,
    envelope_items,
    event_id_in,
    json_object,
)
from app.parsers.minidump_annotations import FORM_FIELDS
from app.parsers.minidump_reader import MAX_STREAMS

MINIDUMP = "event.minidump"  # the attachment_type of a dump
NO_CRASH = frozenset({"transaction", "replay_event", "profile", "feedback", "csp", "hpkp", "expectct", "expectstaple"})

_DSN_KEY = re.compile(r"[a-z]+://([^:@/]+)(?::[^@/]*)?@")
TIMES = 5  # the limit of a log: as large an envelope is read, packed or unpacked
CHUNK = 64 * 1024  # bytes
MAX_FIELDS = 1_000  # of a form; ACRA knows some forty
NO_VALUE = "N/A"  # what ACRA writes for a field that it could not collect
_REPORT_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_FORM = re.compile(rb"[A-Za-z0-9_.%+*-]{1,200}=")
_ATTACHMENT = re.compile(r"(?P<report>[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})-.+")
_HEADER = struct.Struct("<4s4xII")  # signature, number of streams, where their directory lies
_ENTRY = struct.Struct("<III")  # type, size, place


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
    sessions: tuple[Item, ...] = ()  # counted beside


def read_envelope(content: bytes) -> Sent:
    """Tell what an envelope holds. Raises BadParameters where its framing breaks."""
    try:
        header = envelope_header(content)
        event_id, has_event, has_dump = event_id_in(header), False, False
        sessions: list[Item] = []
        for item in envelope_items(content):
            if item.kind == "event":
                if not item.payload.lstrip().startswith(b"{"):
                    raise BadParameters("The event in the envelope is no JSON object")
                event_id = event_id or event_id_in(json_object(item.payload) or {})
                has_event = True
            elif item.kind in (SESSION, SESSIONS):
                sessions.append(item)
            has_dump = has_dump or (item.kind == "attachment" and item.header.get("attachment_type") == MINIDUMP)
    except MalformedLog as error:
        raise BadParameters(error.message) from None
    if has_event or has_dump:
        event_id = event_id or _made_id(content)
    name = f"{event_id}-minidump" if has_dump and not has_event else str(event_id)
    return Sent(event_id, name, has_event or has_dump, content, tuple(sessions))


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
    return Sent(event_id, event_id, str(event.get("type")) not in NO_CRASH, envelope_of(event_id, content))


def envelope_of(event_id: str, event: bytes) -> bytes:
    """An event as the envelope that holds it alone: an event may have next to no key to be known by, an envelope's always is."""
    header, item = json.dumps({"event_id": event_id}), json.dumps({"type": "event", "length": len(event)})
    return f"{header}\n{item}\n".encode() + event + b"\n"


def _made_id(content: bytes) -> str:
    """An id for an event without one: the same for the same bytes."""
    return hashlib.sha256(content).hexdigest()[:32]


def event_of_large_envelope(stream: Readable, max_bytes: int) -> bytes:
    """The envelope without what is too much of it, at most `max_bytes`; the same for the same envelope.

    Raises TooLarge when no event is left, or what is left is too much, and BadParameters where the framing breaks.
    """
    lines = _Lines(stream, TIMES * max_bytes, f"The log is larger than {max_bytes} bytes")
    kept = bytearray(lines.line() + b"\n")
    has_event = False
    for _ in range(MAX_ITEMS):
        header_line = lines.next_line()
        if header_line is None:
            break
        header = json_object(header_line)
        if header is None:
            raise BadParameters("The envelope has an item without a line of JSON before it")
        length, is_attachment = header.get("length"), header.get("type") == "attachment"
        room = max_bytes - len(kept) - len(header_line) - 2
        if is_attachment and type(length) is int and (header.get("attachment_type") != MINIDUMP or length > room):
            lines.drop(length)
            continue
        payload = lines.take(length, room) if type(length) is int else lines.line()
        has_event = has_event or header.get("type") == "event"
        kept += header_line + b"\n" + payload + b"\n"
        if len(kept) > max_bytes:
            break
    if not has_event or len(kept) > max_bytes:
        raise TooLarge(f"The log is larger than {max_bytes} bytes")
    return bytes(kept)


class _Lines:
    """Reads lines and payloads of a stream, which is never whole in memory. Raises TooLarge or BadParameters."""

    def __init__(self, stream: Readable, most: int, too_large: str) -> None:
        self._stream, self._left, self._too_large = stream, most, too_large
        self._ahead = bytearray()

    def line(self) -> bytes:
        """The next line without its end; what is left when it is the last one."""
        while (end := self._ahead.find(b"\n")) < 0:
            if len(self._ahead) > MAX_HEADER:
                raise TooLarge(self._too_large)
            if not self._more():
                end = len(self._ahead)
                break
        found = bytes(self._ahead[:end])
        del self._ahead[: end + 1]
        return found

    def next_line(self) -> bytes | None:
        """The next line that is not empty; None at the end."""
        while not (found := self.line().strip(b"\r")):
            if not self._ahead and not self._more():
                return None
        return found

    def take(self, length: int, room: int) -> bytes:
        """A payload of that many bytes."""
        if not 0 <= length <= room:
            raise TooLarge(self._too_large)
        while len(self._ahead) < length:
            if not self._more():
                raise BadParameters("The envelope is cut short")
        found = bytes(self._ahead[:length])
        del self._ahead[:length]
        return found

    def drop(self, length: int) -> None:
        """Read past a payload."""
        while length > len(self._ahead):
            length -= len(self._ahead)
            self._ahead.clear()
            if not self._more():
                raise BadParameters("The envelope is cut short")
        del self._ahead[: max(length, 0)]

    def _more(self) -> bool:
        chunk = self._stream.read(CHUNK)
        self._left -= len(chunk)
        if self._left < 0:
            raise TooLarge(self._too_large)
        self._ahead += chunk
        return bool(chunk)


def report_of(content: bytes) -> bytes:
    """The report as JSON: as it was sent, or made of a form (KEY_VALUE_LIST). Raises BadParameters when it is neither."""
    if not _FORM.match(content):
        return content
    try:
        fields = parse_qsl(content.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise BadParameters(f"The report is no form of up to {MAX_FIELDS} fields") from None
    return json.dumps(dict(fields), ensure_ascii=False).encode(errors="replace")


def log_id_of_acra(content: bytes) -> str:
    """The same name for a report that is sent again. Raises BadParameters for what `app.parsers.acra_json` does not read."""
    report = json_object(content)
    if report is None:
        raise BadParameters("The report is neither a JSON object nor a form")
    trace = report.get("STACK_TRACE")
    if not isinstance(trace, str) or trace.strip() in ("", NO_VALUE):
        raise BadParameters("The report has no STACK_TRACE; ACRA has to be set to send that field")
    report_id = report.get("REPORT_ID")
    if isinstance(report_id, str) and _REPORT_ID.fullmatch(report_id):
        return f"acra-{report_id}"
    return f"acra-{hashlib.sha256(content).hexdigest()[:32]}"


def report_of_attachment(name: str) -> str | None:
    """The id of the report, where a PUT is named as one of its attachments; None where it is named as a report."""
    found = _ATTACHMENT.fullmatch(name)
    return found["report"] if found else None


def log_of_minidump(dump: bytes, fields: Mapping[str, str]) -> tuple[str, bytes]:
    """(log_id, the dump with the fields in it); the same upload has the same name. Raises BadParameters when it is no dump."""
    content = _with_fields(dump, fields) if fields else dump
    if dump[:4] != b"MDMP" or len(dump) < 32:
        raise BadParameters("upload_file_minidump is no minidump")
    return f"minidump-{hashlib.sha256(content).hexdigest()[:32]}", content


def _with_fields(dump: bytes, fields: Mapping[str, str]) -> bytes:
    """The dump with its directory written anew at its end, one stream longer; as it was where its directory is broken."""
    if len(dump) < _HEADER.size:
        return dump
    _, number, place = _HEADER.unpack_from(dump)
    directory = dump[place : place + number * _ENTRY.size]
    if number >= MAX_STREAMS or len(directory) != number * _ENTRY.size:
        return dump
    text = json.dumps(dict(sorted(fields.items())), ensure_ascii=False).encode(errors="replace")
    padding = bytes(-len(dump) % 4)
    text_at = len(dump) + len(padding)
    aligned = text + bytes(-len(text) % 4)
    whole = dump + padding + aligned + directory + _ENTRY.pack(FORM_FIELDS, len(text), text_at)
    return whole[:8] + struct.pack("<II", number + 1, text_at + len(aligned)) + whole[16:]
