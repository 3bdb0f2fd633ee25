"""Measure, Bugsnag, MetricKit and ACRA: what the samples do not show."""

import json

import pytest

from app.errors import MalformedLog
from app.parsers import PARSERS, parse
from app.parsers.document import Document

FRAME = {"class_name": "com.example.A", "method_name": "b", "file_name": "A.kt", "line_num": 3}
ATTRIBUTE = {"os_name": "android", "os_version": "34", "app_unique_id": "com.example.a"}


def raw(value):
    return json.dumps(value).encode()


def measure(kind="exception", **body):
    exceptions = [{"type": "java.lang.Error", "message": "m", "frames": [FRAME]}]
    return {"type": kind, "session_id": "s", "attribute": ATTRIBUTE, kind: {"exceptions": exceptions, **body}}


def claims(value):
    return [name for name, parser in PARSERS.items() if parser.sniff(Document(raw(value)))]


def test_a_handled_exception_of_measure_is_no_crash():
    assert parse(raw(measure(handled=True))) == []


def test_an_exception_of_measure_that_does_not_say_whether_it_was_handled_is_a_crash():
    [log] = parse(raw(measure()))

    assert (log.faults[0].type, log.faults[0].handled) == ("java.lang.Error", None)


def test_the_api_level_is_told_as_such():
    [log] = parse(raw(measure(handled=False)))

    assert (log.os.name, log.os.version) == ("android", "API 34")


def test_a_session_without_crashes_is_read_and_holds_none():
    assert parse(raw({"events": [{"type": "http", "session_id": "s", "http": {}}], "spans": []})) == []


def test_a_session_whose_only_crash_has_no_exception_is_refused():
    with pytest.raises(MalformedLog, match="names no exception"):
        parse(raw({"events": [{"type": "exception", "session_id": "s", "exception": {}}]}))


def test_breadcrumbs_of_a_session_are_the_last_hundred_events_before_the_crash():
    events = [
        {"type": "http", "session_id": "s", "timestamp": f"2025-01-01T00:{n // 60:02}:{n % 60:02}Z", "http": {"n": n}}
        for n in range(300)
    ]
    crash = {**measure(handled=False), "timestamp": "2025-01-01T00:04:00Z"}

    [log] = parse(raw({"events": [crash, *events]}))

    assert [crumb.data["n"] for crumb in log.breadcrumbs] == list(range(140, 240))


@pytest.mark.parametrize(
    "value",
    [
        {"events": []},
        {"events": [], "spans": [], "release": "1"},
        {"events": [{"type": "http"}]},
        {"exceptions": [{"type": "x"}], "handled": False, "threads": []},
        {"exceptions": []},
        {"type": "exception", "exception": {"exceptions": [{"frames": []}]}},
        {"callStacks": []},
        {"STACK_TRACE": None, "REPORT_ID": "1"},
    ],
)
def test_what_might_be_anything_is_claimed_by_nobody(value):
    assert claims(value) == []


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ({"exceptions": [{"errorClass": "E", "frames": []}], "handled": False, "threads": []}, None),
        ({"exceptions": [{"errorClass": "E", "stacktrace": []}], "handled": False, "threads": []}, "bugsnag-event"),
        ({"exceptions": [{"type": "E", "frames": []}], "handled": False, "threads": []}, "measure-event"),
    ],
)
def test_bugsnags_and_measures_exceptions_are_told_apart(value, name):
    assert claims(value) == ([name] if name else [])


def test_java_methods_of_bugsnag_are_split_from_their_class():
    stack = [{"method": "com.example.A.b", "file": "A.kt", "lineNumber": 3}]

    [log] = parse(
        raw({"exceptions": [{"errorClass": "E", "type": "android", "stacktrace": stack}], "unhandled": False})
    )

    assert (log.crash_frames[0].module, log.crash_frames[0].function) == ("com.example.A", "b")
    assert log.faults[0].handled is True


def test_a_metrickit_payload_of_hangs_alone_holds_no_crash():
    assert parse(raw({"hangDiagnostics": [{"callStackTree": {}}], "timeStampEnd": "2024-01-01 00:00:00"})) == []


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("hangDuration", "a hang"),
        ("totalCPUTime", "too much CPU use"),
        ("writesCaused", "writes"),
        ("launchDuration", "start"),
    ],
)
def test_one_metrickit_diagnostic_of_another_kind_is_refused(key, told):
    tree = {"callStacks": [{"threadAttributed": True, "callStackRootFrames": [{"address": 1}]}]}
    diagnostic = {"callStackTree": tree, "diagnosticMetaData": {"osVersion": "iPhone OS 17.4 (21E219)", key: "20 sec"}}

    assert claims(diagnostic) == ["apple-metrickit"]
    with pytest.raises(MalformedLog, match=f"{told}.*, not of a crash"):
        parse(raw(diagnostic))


def test_the_load_address_of_metrickit_is_told_only_where_it_is_a_pages_start():
    frame = {"binaryName": "App", "address": 0x100001234, "offsetIntoBinaryTextSegment": 0x1000}
    tree = {"callStackPerThread": True, "callStacks": [{"threadAttributed": True, "callStackRootFrames": [frame]}]}

    [log] = parse(raw(tree))

    assert (log.crash_frames[0].address, log.crash_frames[0].image_address) == (0x100001234, None)


def test_a_silent_report_of_acra_was_handled():
    [log] = parse(raw({"STACK_TRACE": "java.lang.Error: x\n\tat a.b.C.d(C.java:1)", "IS_SILENT": "true", "BRAND": "e"}))

    assert (log.faults[0].type, log.faults[0].handled) == ("java.lang.Error", True)


@pytest.mark.parametrize("more", [{}, {"REPORT_ID": "1"}, {"OF_THE_APP": 1}])
@pytest.mark.parametrize("trace", ["java.lang.Error: x", "Caused by:", "\tat a.b.C.d(C.java:1)", "it went wrong"])
def test_a_trace_is_all_that_a_report_of_acra_needs(trace, more):
    [log] = parse(raw({"STACK_TRACE": trace, **more}))

    assert (log.format, bool(log.faults[0].type or log.faults[0].message)) == ("acra-json", True)


@pytest.mark.parametrize("trace", ["", "  \n ", None, 7, {}])
def test_a_report_of_acra_without_a_trace_is_refused(trace):
    with pytest.raises(MalformedLog, match="tells of no exception"):
        parse(raw({"STACK_TRACE": trace, "REPORT_ID": "1", "BRAND": "e"}))


def test_the_thread_is_found_in_the_text_of_older_acra_reports():
    told = {"STACK_TRACE": "java.lang.Error: x", "THREAD_DETAILS": "id=7\nname=sync\npriority=5\n", "BRAND": "e"}

    [log] = parse(raw(told))

    assert [(thread.index, thread.name, thread.is_crashed) for thread in log.threads] == [(7, "sync", True)]


def test_n_a_is_acras_word_for_no_value():
    told = {
        "STACK_TRACE": "java.lang.Error: x",
        "USER_EMAIL": "N/A",
        "USER_COMMENT": "N/A",
        "PHONE_MODEL": "N/A",
        "BRAND": "e",
    }

    [log] = parse(raw(told))

    assert (log.user_id, log.device.model, log.custom) == (None, None, {})
