"""App, system, device, user, time, tags and breadcrumbs of Sentry events."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.crashes.log import CrashLog
from app.parsers import sentry_event
from app.parsers.document import Document

SAMPLES = Path(__file__).parents[3] / "app" / "samples" / "sentry-event"
EVENT_ID = "5f0c2b7e9d3a4c61a8e47f1b20c9d6e3"


def document(**event: Any) -> Document:
    return Document(json.dumps({"event_id": EVENT_ID, "platform": "java", "timestamp": 1726214611.5, **event}).encode())


def read(**event: Any) -> CrashLog:
    log = document(**event)
    assert sentry_event.sniff(log)
    (report,) = sentry_event.parse(log)
    return report


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        (1726214611, datetime(2024, 9, 13, 8, 3, 31, tzinfo=UTC)),
        (1726214611.25, datetime(2024, 9, 13, 8, 3, 31, 250000, tzinfo=UTC)),
        ("1726214611.25", datetime(2024, 9, 13, 8, 3, 31, 250000, tzinfo=UTC)),
        ("2024-09-13T08:03:31", datetime(2024, 9, 13, 8, 3, 31, tzinfo=UTC)),
        ("2024-09-13T08:03:31.1234567Z", datetime(2024, 9, 13, 8, 3, 31, 123456, tzinfo=UTC)),
        ("2024-09-13T10:03:31.123456789+02:00", datetime(2024, 9, 13, 8, 3, 31, 123456, tzinfo=UTC)),
        (None, None),
        ("yesterday", None),
        (10**300, None),
        ([1], None),
    ],
)
def test_times_are_utc_whatever_their_form(timestamp, expected):
    assert read(message="x", timestamp=timestamp).occurred_at == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"release": "com.example.app@1.2.3+45"}, ("com.example.app", "1.2.3", "45")),
        ({"release": "com.example.app@1.2.3", "dist": 45}, ("com.example.app", "1.2.3", "45")),
        ({"release": "@scope/pkg@1.0"}, ("@scope/pkg", "1.0", None)),
        ({"release": "v1.67.0"}, (None, "v1.67.0", None)),
        ({"release": {"version": "a.b@2"}}, ("a.b", "2", None)),
        (
            {
                "release": "x@1",
                "contexts": {"app": {"app_identifier": "com.a", "app_version": "2", "app_build": 7}},
            },
            ("com.a", "2", "7"),
        ),
        ({"release": None, "dist": None, "contexts": None}, (None, None, None)),
    ],
)
def test_the_app_is_told_by_its_context_or_by_the_release(told, expected):
    report = read(message="x", **told)

    assert (report.app.identifier, report.app.version, report.app.build) == expected


def test_contexts_tell_system_device_and_start():
    report = read(
        message="x",
        contexts={
            "app": {"app_start_time": "2024-09-13T08:00:00Z"},
            "os": {"name": "iOS", "version": "17.6", "build": "21G93"},
            "device": {"model": "iPhone14,5", "manufacturer": "Apple", "archs": ["arm64"], "id": 12},
            "gpu": {"name": "G"},
        },
    )

    assert (report.os.name, report.os.version, report.os.build) == ("iOS", "17.6", "21G93")
    assert (report.device.model, report.device.arch, report.device.install_id) == ("iPhone14,5", "arm64", "12")
    assert report.started_at == datetime(2024, 9, 13, 8, tzinfo=UTC)
    assert report.custom["contexts"] == {"gpu": {"name": "G"}}


@pytest.mark.parametrize("tags", [{"a": "1"}, [["a", "1"], ["b"], None], [{"key": "a", "value": "1"}]])
def test_tags_are_an_object_pairs_or_keyed_entries(tags):
    assert read(message="x", tags=tags).custom["tags"] == {"a": "1"}


@pytest.mark.parametrize("listed", [{"values": [{"timestamp": 1, "message": "m"}]}, [{"timestamp": 1, "message": "m"}]])
def test_breadcrumbs_are_listed_oldest_first(listed):
    (crumb,) = read(message="x", breadcrumbs=listed).breadcrumbs

    assert (crumb.time, crumb.message) == (datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), "m")


@pytest.mark.parametrize(
    ("fingerprint", "expected"),
    [(["{{ default }}"], ()), ([], ()), (None, ()), (["{{ default }}", "a", 1], ("{{ default }}", "a", "1"))],
)
def test_a_fingerprint_is_a_hint_unless_it_only_asks_for_the_default(fingerprint, expected):
    assert read(message="x", fingerprint=fingerprint).grouping_hint == expected


def test_the_android_sample_is_read_with_its_contexts():
    (report,) = sentry_event.parse(Document((SAMPLES / "android-chain.json").read_bytes()))

    assert [fault.type for fault in report.faults] == [
        "com.example.notes.sync.SyncException",
        "kotlinx.serialization.json.internal.JsonDecodingException",
    ]
    assert (report.app.identifier, report.app.version, report.app.build) == ("com.example.notes", "2.4.1", "241")
    assert (report.os.version, report.device.manufacturer, len(report.breadcrumbs)) == ("14", "Example", 4)


def test_the_ios_sample_is_read_with_images_and_registers():
    (report,) = sentry_event.parse(Document((SAMPLES / "ios-range-exception.json").read_bytes()))

    assert (report.faults[0].type, report.faults[0].signal, report.platform) == ("NSRangeException", "SIGABRT", "apple")
    assert report.crash_frames[3].image == "Weather"
    assert (len(report.images), report.threads[0].registers["pc"]) == (5, 0x1E4D7F1D4)
