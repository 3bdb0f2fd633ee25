"""The framing of Sentry envelopes: a header line, then items of a header line and a payload each.

Source: https://develop.sentry.dev/sdk/data-model/envelopes/ (2024).
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from app.errors import MalformedLog
from app.parsers.document import load_json

MAX_HEADER = 64 * 1024  # bytes of a header line; real ones stay below 4 KiB
MAX_ITEMS = 1_000  # of one envelope; an SDK sends a handful

EVENT_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")  # sentry-cli sends zeros for none


class Item(NamedTuple):
    """One item: its header and the bytes it carries."""

    header: dict[str, Any]
    payload: bytes

    @property
    def kind(self) -> str:
        """`event`, `attachment`, `session`, …"""
        return str(self.header.get("type"))


def envelope_header(raw: bytes) -> dict[str, Any]:
    """The first line. Raises MalformedLog when it is no JSON object."""
    return _header_line(raw, 0, "header")[0]


def envelope_items(raw: bytes) -> Iterator[Item]:
    """The items in their order, read as they are asked for. Raises MalformedLog where the framing breaks."""
    _, at = _header_line(raw, 0, "header")
    for number in range(1, MAX_ITEMS + 2):
        while raw[at : at + 1] in (b"\n", b"\r"):
            at += 1
        if at >= len(raw):
            return
        if number > MAX_ITEMS:
            raise MalformedLog(f"The Sentry envelope has more than {MAX_ITEMS} items")
        header, at = _header_line(raw, at, f"item {number}")
        if not isinstance(header.get("type"), str):
            raise MalformedLog(f"Item {number} of the Sentry envelope has no type")
        end = _end_of_payload(raw, at, header.get("length"), number)
        yield Item(header, raw[at:end])
        at = end


def event_id_in(fields: dict[str, Any]) -> str | None:
    """The event id of a header or an event as 32 lower-case hex digits; None when there is none."""
    found = fields.get("event_id")
    plain = found.replace("-", "").lower() if isinstance(found, str) else ""
    return plain if EVENT_ID.fullmatch(plain) else None


def json_object(payload: bytes) -> dict[str, Any] | None:
    """A payload as a JSON object, else None."""
    try:
        value, _ = load_json(payload.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _header_line(raw: bytes, at: int, name: str) -> tuple[dict[str, Any], int]:
    """The JSON object of one line and where the next begins."""
    end = raw.find(b"\n", at, at + MAX_HEADER)
    if end < 0:
        if len(raw) - at > MAX_HEADER:
            raise MalformedLog(f"The Sentry envelope's {name} has no header line")
        end = len(raw)
    header = json_object(raw[at:end])
    if header is None:
        raise MalformedLog(f"The Sentry envelope's {name} does not begin with a line of JSON")
    return header, min(end + 1, len(raw))


def _end_of_payload(raw: bytes, at: int, length: Any, number: int) -> int:
    if length is None:
        end = raw.find(b"\n", at)
        return len(raw) if end < 0 else end
    if type(length) is not int or length < 0:
        raise MalformedLog(f"Item {number} of the Sentry envelope has a length that is no number")
    end = at + length
    if end > len(raw):
        raise MalformedLog(f"The Sentry envelope is cut short in item {number}")
    if end < len(raw) and raw[end : end + 1] not in (b"\n", b"\r"):
        raise MalformedLog(f"Item {number} of the Sentry envelope is longer than its length says")
    return end
