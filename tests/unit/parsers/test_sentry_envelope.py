"""Sentry envelopes: framing, several items, and what is no envelope."""

import json

import pytest

from app.errors import MalformedLog
from app.parsers import sentry_envelope
from app.parsers.document import Document

HEADER = b'{"event_id":"7c1d9a40b2e84f3f9a6601d5e8b7c234"}\n'
EVENT = json.dumps({"exception": {"values": [{"type": "TypeError", "value": "no title"}]}}).encode()


def item(kind: str, payload: bytes, *, length: bool = True) -> bytes:
    header = {"type": kind, "length": len(payload)} if length else {"type": kind}
    return json.dumps(header).encode() + b"\n" + payload + b"\n"


def test_every_event_is_a_report_whatever_stands_between():
    binary = b"MDMP\0\xff\n\n{"
    raw = HEADER + item("attachment", binary) + item("event", EVENT) + item("session", b"{}") + item("event", EVENT)

    reports = sentry_envelope.parse(Document(raw))

    assert sentry_envelope.sniff(Document(raw))
    assert [report.faults[0].type for report in reports] == ["TypeError", "TypeError"]
    assert reports[0].report_id == "7c1d9a40b2e84f3f9a6601d5e8b7c234"


def test_without_a_length_the_payload_ends_at_its_line():
    [report] = sentry_envelope.parse(Document(b"{}\n" + item("event", EVENT, length=False)))

    assert report.faults[0].message == "no title"


def test_an_event_that_tells_of_no_crash_does_not_hide_another():
    raw = HEADER + item("event", b'{"type":"transaction"}') + item("event", EVENT)

    assert len(sentry_envelope.parse(Document(raw))) == 1


REFUSED = {
    "holds no event, only: session": HEADER + item("session", b"{}"),
    "no JSON object": HEADER + item("event", b"[]"),
    "cut short in item 1": HEADER + b'{"type":"event","length":99}\n{}',
    "longer than its length": HEADER + b'{"type":"event","length":1}\n{"a":1}\n',
    "no type": HEADER + item("session", b"{}") + b"{}\n{}\n",
    "a transaction": HEADER + item("event", b'{"type":"transaction"}'),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_an_envelope_without_a_crash_is_refused_with_its_reason(reason):
    document = Document(REFUSED[reason])

    assert sentry_envelope.sniff(document)
    with pytest.raises(MalformedLog, match=reason):
        sentry_envelope.parse(document)


FOREIGN = {
    "one JSON object": EVENT,
    "JSON lines of events": EVENT + b"\n" + EVENT + b"\n",
    "JSON lines with a type": b'{"type":"exception"}\n{"type":"exception"}\n',
    "an indented object": b'{\n "event_id": "7c1d9a40b2e84f3f9a6601d5e8b7c234"\n}\n',
    "a header alone": HEADER,
    "text": b"Exception in thread main\n",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_no_envelope_is_not_claimed(name):
    assert not sentry_envelope.sniff(Document(FOREIGN[name]))
