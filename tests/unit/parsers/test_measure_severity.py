"""Measure's schema of 2026: `severity` in place of `handled`, app hangs, and events without attributes."""

import json

import pytest

from app.parsers import PARSERS, parse, recognise
from app.parsers.document import Document

FRAMES = [{"in_app": True, "method_name": "store", "file_name": "app.jsbundle", "line_num": 7}]


def event(kind="exception", **body):
    body = {"exceptions": [{"type": "TypeError", "message": "no basket", "frames": FRAMES}], "threads": [], **body}
    return {"id": "e1", "session_id": "s1", "timestamp": "2026-05-30T11:10:40Z", "type": kind, kind: body}


def read(value):
    return parse(json.dumps(value).encode())


@pytest.mark.parametrize("severity", ["fatal", "unhandled", "FATAL"])
def test_an_exception_that_nothing_caught_is_a_crash_and_its_severity_the_level(severity):
    [log] = read(event(severity=severity))

    assert (log.level, log.faults[0].handled) == (severity, False)
    assert [frame.function for frame in log.crash_frames] == ["store"]


def test_a_handled_exception_is_no_crash_alone_in_a_session_and_in_a_list_of_events():
    handled = event(severity="handled")

    assert [read(one) for one in (handled, {"events": [handled]}, [handled])] == [[], [], []]


def test_a_severity_that_is_not_known_counts_as_no_crash_and_the_log_says_so():
    document = Document(json.dumps(event(severity="recovered", handled=False)).encode())

    assert recognise(document).parse(document) == []
    assert document.unread == ['the severity "recovered" is not known: the exception counts as no crash']


def test_an_event_without_attributes_is_read_as_one_with_them():
    lone = {"type": "exception", "timestamp": "2026-05-30T11:10:40Z", "exception": event(handled=False)["exception"]}

    [log] = read(lone)

    assert (log.format, log.faults[0].message) == ("measure-event", "no basket")
    assert [name for name, parser in PARSERS.items() if parser.sniff(Document(json.dumps(lone).encode()))] == [
        log.format
    ]


def test_an_app_hang_is_told_as_one_with_its_length_and_state():
    hang = event("app_hang", exceptions=[{"thread_name": "main", "frames": FRAMES}], duration=2500, state="killed")

    [log] = read({**hang, "attribute": {"os_name": "ios"}})

    assert (log.faults[0].type, log.faults[0].mechanism) == ("App hang", "app hang")
    assert dict(log.details) == {"hang_milliseconds": 2500, "hang_state": "killed"}
