"""Environment, page, memory and battery at the time of an event of Sentry and of Bugsnag."""

import json

import pytest

from app.parsers import parse
from app.parsers.sentry_details import page_url


def read(value):
    [log] = parse(json.dumps(value).encode())
    return dict(log.details)


def test_sentry_tells_page_browser_and_device():
    event = {
        "event_id": "a" * 32, "platform": "javascript", "environment": "beta",
        "exception": {"values": [{"type": "TypeError", "value": "x"}]},
        "request": {"url": "https://u:p@example.com/till?token=1#x", "method": "GET", "cookies": "a=b"},
        "contexts": {
            "browser": {"name": "Firefox", "version": "142.0"}, "app": {"in_foreground": False, "app_memory": 77},
            "device": {"free_memory": 1024, "battery_level": 41.6, "charging": False, "orientation": "portrait"},
        },
    }  # fmt: skip

    assert read(event) == {
        "environment": "beta", "url": "https://example.com/till", "request_method": "GET", "browser": "Firefox 142.0",
        "foreground": False, "orientation": "portrait", "battery_percent": 42, "free_memory": 1024,
        "memory_footprint": 77, "charging": False,
    }  # fmt: skip


def test_bugsnag_tells_stage_and_device():
    event = {
        "exceptions": [{"errorClass": "E", "message": "m", "stacktrace": []}], "severity": "error",
        "app": {"releaseStage": "production", "inForeground": True, "isLaunching": True},
        "device": {"freeMemory": 10, "totalMemory": 20, "freeDisk": 30, "orientation": "portrait", "jailbroken": False},
        "metaData": {"device": {"batteryLevel": 0.5, "charging": True}},
    }  # fmt: skip

    assert read(event) == {
        "environment": "production", "foreground": True, "launching": True, "orientation": "portrait",
        "battery_percent": 50, "charging": True, "memory_size": 20, "free_memory": 10, "free_storage": 30,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("url", "told"),
    [("/till?x", "/till"), ("https://example.com", "https://example.com"), ("app:///index#a", "app:///index"),
     ("?secret", None), (7, "7"), (None, None), ({}, None)],
)  # fmt: skip
def test_a_url_is_told_without_what_may_be_secret(url, told):
    assert page_url(url) == told
