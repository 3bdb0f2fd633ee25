"""Sentry events in the shapes that SDKs, stores and the web API give."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.crashes.log import CrashLog
from app.errors import MalformedLog
from app.parsers import sentry_event
from app.parsers.document import Document

EVENT_ID = "5f0c2b7e9d3a4c61a8e47f1b20c9d6e3"


def document(**event: Any) -> Document:
    return Document(json.dumps({"event_id": EVENT_ID, "platform": "java", "timestamp": 1726214611.5, **event}).encode())


def read(**event: Any) -> CrashLog:
    log = document(**event)
    assert sentry_event.sniff(log)
    (report,) = sentry_event.parse(log)
    return report


def exception(kind: str = "IOException", **more: Any) -> dict[str, Any]:
    return {"type": kind, "value": "disk full", **more}


def stack(*functions: str) -> dict[str, Any]:
    return {"frames": [{"function": function} for function in functions]}


def test_the_last_value_is_the_crash_and_the_others_are_its_causes():
    report = read(exception={"values": [exception("A"), exception("B"), exception("C")]})

    assert [(fault.type, fault.relation, fault.parent) for fault in report.faults] == [
        ("C", None, None),
        ("B", "cause", 0),
        ("A", "cause", 1),
    ]


def test_an_exception_group_follows_the_parent_ids():
    numbered = [
        exception("Inner", mechanism={"type": "suppressed", "exception_id": 2, "parent_id": 0}),
        exception("Cause", mechanism={"type": "chained", "exception_id": 1, "parent_id": 0}),
        exception("Group", mechanism={"type": "generic", "exception_id": 0}),
    ]

    report = read(exception={"values": numbered})

    assert [(fault.type, fault.relation, fault.parent) for fault in report.faults] == [
        ("Group", None, None),
        ("Cause", "cause", 0),
        ("Inner", "suppressed", 0),
    ]


@pytest.mark.parametrize("shape", [[exception()], {"values": [None, exception()]}, exception()])
def test_exceptions_come_in_values_a_bare_list_or_alone(shape):
    report = read(exception=shape)

    assert [(fault.type, fault.message) for fault in report.faults] == [("IOException", "disk full")]


def test_a_java_type_gets_back_the_package_that_sentry_splits_off():
    report = read(exception=[exception(module="java.io")])

    assert report.faults[0].type == "java.io.IOException"


def test_frames_come_out_with_the_crash_frame_first():
    report = read(exception=[exception(stacktrace=stack("main", "run", "fail"))])

    assert [frame.function for frame in report.faults[0].frames] == ["fail", "run", "main"]


def test_a_native_frame_keeps_addresses_and_the_name_of_its_image():
    frame = {
        "function": "spin",
        "package": "/usr/lib/libspin.so",
        "instruction_addr": "0xffffffffffffff10",
        "image_addr": "0xffffffffffffff00",
        "symbol_addr": "0xffffffffffffff08",
        "in_app": True,
    }

    report = read(platform="native", exception=[exception(stacktrace={"frames": [frame]})])

    (read_frame,) = report.faults[0].frames
    assert (read_frame.image, read_frame.address, read_frame.offset, read_frame.in_app) == (
        "libspin.so",
        2**64 - 240,
        8,
        True,
    )


def test_a_frame_with_an_address_only_is_placed_in_the_image_that_holds_it():
    images = [{"type": "elf", "code_file": "/a/libart.so", "image_addr": "0x1000", "image_size": 256}]
    frames = [{"instruction_addr": "0x1100"}, {"instruction_addr": "0x1010"}]

    report = read(exception=[exception(stacktrace={"frames": frames})], debug_meta={"images": images})

    assert [(frame.image, frame.offset) for frame in report.crash_frames] == [("libart.so", 16), (None, None)]


def test_threads_keep_their_flags_and_the_crashed_one_its_frames_once():
    frames = stack("main", "fail")
    report = read(
        exception=[exception(thread_id=7, stacktrace=frames)],
        threads={
            "values": [
                {"id": 7, "name": "main", "crashed": True, "stacktrace": frames},
                {"id": 8, "name": "io", "stacktrace": stack("run")},
            ]
        },
    )

    assert [(thread.index, thread.name, thread.is_crashed, len(thread.frames)) for thread in report.threads] == [
        (7, "main", True, 2),
        (8, "io", False, 1),
    ]
    assert report.faults[0].frames == ()
    assert [frame.function for frame in report.crash_frames] == ["fail", "main"]


@pytest.mark.parametrize("flags", [{"exception": [exception(thread_id="8")]}, {"exception": [exception()]}])
def test_the_crashed_thread_is_found_by_id_or_because_it_was_running(flags):
    report = read(threads=[{"id": 7}, {"id": 8, "current": True}], **flags)

    assert report.crashed_thread is not None
    assert report.crashed_thread.index == 8


def test_mechanism_tells_signal_type_and_whether_it_was_handled():
    mechanism = {
        "type": "mach",
        "handled": False,
        "meta": {
            "signal": {"number": 10, "name": "SIGBUS", "code_name": "BUS_NOOP"},
            "mach_exception": {"exception": 1, "name": "EXC_BAD_ACCESS"},
        },
    }

    report = read(platform="cocoa", exception=[{"value": "null pointer", "mechanism": mechanism}])

    (fault,) = report.faults
    assert (fault.type, fault.signal, fault.code) == ("EXC_BAD_ACCESS", "SIGBUS", "BUS_NOOP")
    assert (fault.mechanism, fault.handled, report.platform) == ("mach", False, "apple")


def test_the_mechanism_of_old_swift_clients_is_read():
    mechanism = {"posix_signal": {"signal": 5}, "mach_exception": {"exception": 6}}

    report = read(exception=[{"mechanism": mechanism}])

    assert (report.faults[0].type, report.faults[0].signal) == ("EXC_BREAKPOINT", "SIGTRAP")


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"message": "plain"}, "plain"),
        ({"message": {"formatted": "full", "message": "%s"}}, "full"),
        ({"logentry": {"message": "%s of %s", "params": ["one", 2]}}, "one of 2"),
        ({"logentry": {"message": "{} of {}", "params": ["one", "two"]}}, "one of two"),
        ({"logentry": {"message": "%(a)s!", "params": {"a": "one"}}}, "one!"),
        ({"logentry": {"message": "%s of %s", "params": ["one"]}}, "%s of %s"),
        ({"sentry.interfaces.Message": {"message": "legacy"}}, "legacy"),
        ({"title": "from the title"}, "from the title"),
        ({"metadata": {"title": "from metadata"}}, "from metadata"),
        ({"entries": [{"type": "message", "data": {"formatted": "web"}}]}, "web"),
    ],
)
def test_an_event_without_exception_is_an_occurrence_with_a_message(event, message):
    report = read(**event)

    assert [(fault.type, fault.message) for fault in report.faults] == [(None, message)]
    assert report.notes == ("The event names no exception",)


def test_the_message_beside_an_exception_is_kept_as_custom():
    report = read(exception=[exception()], logentry={"formatted": "while saving"})

    assert report.faults[0].message == "disk full"
    assert report.custom["message"] == "while saving"


def test_a_number_where_text_is_expected_becomes_text():
    report = read(exception=[{"type": 5, "value": 3.5}], user={"id": 1234}, level=40)

    assert (report.faults[0].type, report.faults[0].message) == ("5", "3.5")
    assert (report.user_id, report.level) == ("1234", "error")


def test_raven_interfaces_are_read():
    report = read(
        **{"sentry.interfaces.Exception": exception(), "sentry.interfaces.User": {"username": "demo"}}, culprit="a in b"
    )

    assert (report.faults[0].type, report.user_id, report.custom["culprit"]) == ("IOException", "demo", "a in b")


def test_an_event_of_the_web_api_is_read():
    frame = {"function": "f", "lineNo": 3, "absPath": "/a.py", "inApp": True, "instructionAddr": "0x10"}
    api = {
        "eventID": EVENT_ID,
        "dateCreated": "2024-09-13T08:03:31Z",
        "platform": "python",
        "entries": [{"type": "exception", "data": {"values": [exception(stacktrace={"frames": [frame]})]}}],
    }

    (report,) = sentry_event.parse(Document(json.dumps(api).encode()))

    assert sentry_event.sniff(Document(json.dumps(api).encode()))
    assert (report.report_id, report.occurred_at) == (EVENT_ID, datetime(2024, 9, 13, 8, 3, 31, tzinfo=UTC))
    (read_frame,) = report.faults[0].frames
    assert (read_frame.line, read_frame.file, read_frame.in_app, read_frame.address) == (3, "/a.py", True, 16)


def test_an_exception_alone_is_read():
    alone = Document(json.dumps(exception(stacktrace=stack("main"))).encode())

    assert sentry_event.sniff(alone)
    assert sentry_event.parse(alone)[0].faults[0].type == "IOException"


def test_explicit_nulls_and_wrong_types_everywhere_are_taken_as_unknown():
    for wrong in (None, 1, "x", [], {}, [None], {"values": None}, {"values": [1]}, True, 2**80):
        keys = (
            "threads breadcrumbs contexts debug_meta tags user extra fingerprint release dist level timestamp logentry"
        )

        report = read(exception=[exception(stacktrace=wrong, mechanism=wrong)], **dict.fromkeys(keys.split(), wrong))

        assert report.faults[0].type == "IOException"


def test_unstorable_characters_never_come_out():
    report = read(exception=[exception("a\0b", stacktrace=stack("\ud800"))], tags={"\0": "\udfff"})

    assert report.faults[0].type == "a\ufffdb"
    assert report.faults[0].frames[0].function == "\ufffd"
    assert report.custom["tags"] == {"\ufffd": "\ufffd"}


def test_a_runaway_recursion_keeps_its_first_and_last_frames():
    frames = [{"function": "f", "lineno": number} for number in range(1, 200_001)]

    report = read(exception=[exception(stacktrace={"frames": frames})])

    kept = report.faults[0].frames
    assert (len(kept), kept[0].line, kept[-1].line) == (1000, 200_000, 1)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"type": "transaction", "transaction": "/", "spans": []}, "a transaction, not a crash"),
        ({"type": "csp", "message": "blocked"}, "a security report"),
        ({"type": "feedback", "contexts": {"feedback": {"message": "nice"}}}, "user feedback"),
        ({"level": "error"}, "no exception, message or crashed thread"),
    ],
)
def test_an_event_that_tells_of_no_crash_is_refused_with_a_reason(event, reason):
    assert sentry_event.sniff(document(**event))
    with pytest.raises(MalformedLog, match=reason):
        sentry_event.parse(document(**event))


@pytest.mark.parametrize(
    "foreign",
    [
        [],
        {},
        {"event_id": EVENT_ID, "sdk": {"name": "sentry.java"}},
        {"event_id": EVENT_ID, "platform": "java", "level": "error", "events": []},
        {"report": {"id": "1"}, "crash": {"error": {}}, "binary_images": []},
        {"exceptions": [{"errorClass": "A", "message": "b"}], "unhandled": True, "user": {}, "breadcrumbs": []},
        {"id": "1", "attribute": {}, "exception": {"exceptions": [{"type": "A"}]}, "timestamp": "2024"},
        {"callStacks": [], "callStackPerThread": True},
        {"exception": {"type": "A", "message": "b", "stacktrace": [{"function": "f"}]}, "culprit": "f"},
        {"message": "hello", "level": "info", "timestamp": 1},
    ],
)
def test_other_json_is_not_claimed(foreign):
    assert not sentry_event.sniff(Document(json.dumps(foreign).encode()))
