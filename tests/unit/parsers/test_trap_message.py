"""Reasons of traps, freed exceptions and texts that only begin as JSON does: what is a message and what is a name."""

import json

import pytest

from app.errors import MalformedLog
from app.parsers import parse

ASSERTION = "assertion __n < size() failed: vector[] index out of bounds"
TEXT = """Incident Identifier: 1
Code Type: ARM-64
Exception Type: EXC_BREAKPOINT (SIGTRAP)
Crashed Thread: 0
{information}
Thread 0 Crashed:
0 Till 0x1000 {function}
1 Till 0x1000 till::pay() + 4
"""


def ips(function):
    frames = [
        {"imageOffset": 16, "symbol": function, "symbolLocation": 0, "imageIndex": 0, "inline": True},
        {"imageOffset": 16, "symbol": "till::pay(int)", "symbolLocation": 4, "imageIndex": 0},
    ]
    body = {
        "threads": [{"triggered": True, "frames": frames}],
        "exception": {"type": "EXC_BREAKPOINT"},
        "faultingThread": 0,
    }
    return json.dumps({**body, "usedImages": [{"base": 4096, "size": 4096, "name": "Till"}]})


@pytest.mark.parametrize(
    "name",
    [
        f"*/Xcode-16.4.app/c++/v1/vector:1393: {ASSERTION}\n",
        f"__clang_trap_msg$libc++$/sdk/c++/v1/vector:1393: {ASSERTION}",
    ],
)
def test_the_reason_of_a_trap_is_the_message_and_no_function(name):
    [log] = parse(ips(name).encode())

    assert log.faults[0].message == ASSERTION
    assert [frame.function for frame in log.crash_frames] == ["till::pay(int)"]
    assert (log.crash_frames[0].file or "").endswith("c++/v1/vector")
    assert log.crash_frames[0].line == 1393


def test_text_has_it_too():
    [log] = parse(TEXT.format(information="", function=f"/c++/v1/vector:7: {ASSERTION} + 0").encode())

    assert (log.faults[0].message, [frame.function for frame in log.crash_frames]) == (ASSERTION, ["till::pay()"])


def test_a_function_of_such_a_name_is_left_alone():
    [log] = parse(ips("assertion_failed(char const*)").encode())

    assert log.faults[0].message is None
    assert log.crash_frames[0].function == "assertion_failed(char const*)"


def test_an_exception_that_was_freed_is_not_the_crash():
    said = "Application Specific Information:\n*** Terminating app due to uncaught exception 'Old', reason: 'x'\n"
    said += (
        "NOTE: This exception has been deallocated! Stack trace is crash from attempting to access this exception.\n"
    )

    [log] = parse(TEXT.format(information=said, function="objc_msgSend + 16").encode())

    assert (log.faults[0].type, log.faults[0].message) == ("EXC_BREAKPOINT", None)
    assert any("has been deallocated" in note for note in log.notes)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[1:1:0826/102126.1:ERROR:x.cc(3)] no till\n", "The log is text but holds no crash"),
        ("{main} began\n", "The log is text but holds no crash"),
        ('Anonymous UUID: 1\n\npanic(cpu 2 caller 0xffffff80): "x"\n', "Apple's report of a kernel panic"),
        ('[{"a": 1,', "The log begins as JSON but is cut short"),
        ("[1, 2", "The log begins as JSON but is cut short"),
        ("{", "The log begins as JSON but is cut short"),
    ],
)
def test_only_what_begins_as_json_is_told_to_be_cut_json(text, reason):
    with pytest.raises(MalformedLog, match=reason):
        parse(text.encode())
