"""Rows of Crashlytics' export to BigQuery: what they say is kept, and a row that says nothing keeps no other from being read."""

import json
from pathlib import Path

import pytest

from app.errors import MalformedLog
from app.parsers import parse, recognise
from app.parsers.document import Document

SAMPLES = Path(__file__).parents[3] / "app/samples/crashlytics-bigquery"
ANDROID = json.loads((SAMPLES / "android-rows.json").read_text())
IOS = json.loads((SAMPLES / "ios-row.json").read_text())


def read(value):
    return parse(json.dumps(value).encode())


def test_the_rows_of_a_query_are_one_report_each():
    crash, non_fatal, anr = read(ANDROID)

    assert [fault.type for fault in crash.faults] == [
        "java.lang.IllegalStateException",
        "java.lang.NullPointerException",
    ]
    assert (crash.faults[1].relation, crash.faults[1].frames[0].function) == ("cause", "checkout")
    assert [frame.in_app for frame in crash.faults[0].frames] == [False, False]
    assert (non_fatal.faults[0].handled, anr.faults[0].type, anr.crash_frames[1].module) == (
        True, "ANR", "com.example.shop.Database",
    )  # fmt: skip


def test_logs_and_events_stand_in_the_order_of_time():
    [crash, *_] = read(ANDROID)

    assert [crumb.message for crumb in crash.breadcrumbs] == ["opened the cart", "begin_checkout", "pressed Pay"]


def test_rows_as_bq_extracts_them_are_lines():
    content = "\n".join(json.dumps(row) for row in [*ANDROID, IOS]).encode()

    assert recognise(Document(content)).FORMAT == "json-lines"
    assert [crash.platform for crash in parse(content)] == ["java", "java", "java", "apple"]


def test_a_crash_of_an_apple_system_has_the_thread_that_crashed():
    [crash] = read(IOS)

    assert (crash.faults[0].type, crash.faults[0].code) == ("EXC_BAD_ACCESS", "KERN_INVALID_ADDRESS at 0x10")
    assert [(frame.function, frame.in_app) for frame in crash.crash_frames] == [
        ("objc_release", False), ("ImageCache.evict(_:)", True),
    ]  # fmt: skip
    assert (crash.details["jailbroken"], crash.details["free_memory"]) == (True, 104857600)


def test_an_error_of_an_apple_system_was_handled():
    error = {
        "title": "NSURLErrorDomain",
        "subtitle": "code -1009",
        "code": "-1009",
        "frames": IOS["threads"][0]["frames"],
    }
    [crash] = read({**IOS, "error_type": "NON_FATAL", "threads": [], "error": [error]})

    assert (crash.faults[0].type, crash.faults[0].handled, len(crash.crash_frames)) == ("NSURLErrorDomain", True, 2)


def test_a_row_without_a_stack_has_the_frame_that_crashlytics_blames():
    [crash] = read({**IOS, "threads": [], "issue_title": "ImageCache.swift"})

    assert [frame.function for frame in crash.crash_frames] == ["ImageCache.evict(_:)"]


def test_a_row_that_says_nothing_leaves_the_others():
    empty = {**ANDROID[0], "exceptions": [], "threads": [], "blame_frame": None}
    document = Document(json.dumps([empty, IOS]).encode())

    assert len(recognise(document).parse(document)) == 1
    assert document.unread == ["row 1: it has no exception, error or thread"]
    with pytest.raises(MalformedLog, match="have no exception, error or thread"):
        read([empty])


@pytest.mark.parametrize(
    "wrong", [None, 7, "x", [], {}, [None], {"frames": 7}, [{"frames": [{"line": {}, "symbol": []}]}]]
)
def test_values_of_other_kinds_are_left_out(wrong):
    names = ("exceptions", "error", "logs", "breadcrumbs", "device", "user", "memory", "custom_keys", "event_timestamp")
    for name in names:
        assert len(read({**IOS, name: wrong})) == 1
