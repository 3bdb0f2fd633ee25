"""Minidumps attached to Sentry envelopes."""

import json

import pytest

from app.errors import MalformedLog
from app.parsers import parse, sentry_envelope
from tests.minidumps import dump, linux_spec


def item(header: dict[str, object], payload: bytes) -> bytes:
    return json.dumps({**header, "length": len(payload)}).encode() + b"\n" + payload + b"\n"


ATTACHED = item({"type": "attachment", "attachment_type": "event.minidump"}, dump(linux_spec()))
EVENT = json.dumps({"platform": "native", "release": "shop@3.0.0", "level": "fatal", "user": {"id": "u1"}}).encode()


def test_an_attached_minidump_gives_an_envelopes_event_its_crash():
    raw = b'{"event_id":"7c1d9a40b2e84f3f9a6601d5e8b7c234"}\n' + item({"type": "event"}, EVENT) + ATTACHED

    [log] = parse(raw)

    assert (log.format, log.faults[0].type, log.user_id) == (sentry_envelope.FORMAT, "SIGSEGV", "u1")
    assert (len(log.crash_frames), log.app.version, log.os.name) == (4, "3.0.0", "Linux")
    assert log.report_id == "7c1d9a40b2e84f3f9a6601d5e8b7c234"


def test_an_attached_minidump_without_an_event_is_a_report():
    [log] = parse(b'{"event_id":"7c1d9a40b2e84f3f9a6601d5e8b7c234"}\n' + ATTACHED)

    assert (log.format, log.app.version) == (sentry_envelope.FORMAT, "2.4.1")


def test_an_event_with_an_exception_keeps_it_beside_a_minidump():
    event = json.dumps({"exception": {"values": [{"type": "TypeError", "value": "no title"}]}}).encode()

    [log] = parse(b"{}\n" + item({"type": "event"}, event) + ATTACHED)

    assert log.faults[0].type == "TypeError"


def test_an_attached_minidump_that_is_broken_does_not_hide_the_events_message():
    broken = item({"type": "attachment"}, b"MDMP" + bytes(40))

    [log] = parse(b"{}\n" + item({"type": "event"}, b'{"message":"till is gone","level":"error"}') + broken)

    assert log.faults[0].message == "till is gone"
    assert "unknown version" in log.notes[-1]


def test_a_broken_minidump_that_an_event_leaves_its_crash_to_gives_the_reason_of_a_refusal():
    broken = item({"type": "attachment"}, b"MDMP" + bytes(40))

    with pytest.raises(MalformedLog, match="unknown version"):
        parse(b"{}\n" + item({"type": "event"}, EVENT) + broken)
