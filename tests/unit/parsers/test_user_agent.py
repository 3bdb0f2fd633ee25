"""Browser, system and device by what a browser says of itself."""

import json
import time

import pytest

from app.crashes.log import DeviceInfo, OsInfo
from app.parsers import parse
from app.parsers.user_agent import WebClient, by_headers, by_user_agent

EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/124.0.0.0 Safari/537.36 Edg/124.0.2478.51"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.4 Mobile/15E148 Safari/604.1"
)
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605"
SAMSUNG = "Mozilla/5.0 (Linux; Android 13; SM-S918B) AppleWebKit/537.36 Chrome/112.0.0.0 Mobile Safari/537.36"
REDUCED = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/141.0.0.0 Mobile Safari/537.36"
HINTS = {
    "User-Agent": EDGE, "sec-ch-ua": '"Not_A Brand";v="99", "Google Chrome";v="109", "Chromium";v="109"',
    "Sec-CH-UA-Platform": '"macOS"', "Sec-CH-UA-Platform-Version": '"13.1.0"', "Sec-CH-UA-Model": '""',
}  # fmt: skip
EXCEPTION = {"values": [{"type": "TypeError", "value": "x"}]}


def told(client: WebClient) -> tuple:
    return client.browser and client.browser.text, client.os.name, client.os.version, client.device.model


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (EDGE, ("Edge 124.0.2478", "Windows", ">=10", None)),
        (IPHONE, ("Mobile Safari 17.4", "iOS", "17.4", "iPhone")),
        (MAC, ("Safari 17.4", "Mac OS X", ">=10.15.7", "Mac")),
        (SAMSUNG, ("Chrome Mobile 112.0.0", "Android", "13", "SM-S918B")),
        (REDUCED, ("Chrome Mobile 141.0.0", "Android", None, None)),
        ("sentry.javascript.node/8.1", (None, None, None, None)),
        (None, (None, None, None, None)),
    ],
)
def test_browser_system_and_device_are_named_as_sentry_names_them(agent, expected):
    assert told(by_user_agent(agent)) == expected


@pytest.mark.parametrize("headers", [HINTS, [list(pair) for pair in HINTS.items()], {**HINTS, "user-agent": [IPHONE]}])
def test_client_hints_win_over_the_user_agent(headers):
    assert told(by_headers(headers))[:3] == ("Google Chrome 109", "macOS", "13.1.0")


@pytest.mark.parametrize(
    "headers",
    [None, 7, "x", [], [1, [2], [3, 4]], {"User-Agent": None}, {"User-Agent": [[]]}, {"user-agent": {"a": 1}}],
)
def test_headers_that_are_none_tell_nothing(headers):
    assert by_headers(headers) == WebClient()


@pytest.mark.parametrize("part", ["a", "1.", " ", "Build/", "(;", "Android-4.4.4; ", "\ud800\0", "Mozilla/5.0 ("])
def test_a_hostile_user_agent_costs_next_to_nothing(part):
    by_user_agent(EDGE)
    begun = time.process_time()

    by_headers({"User-Agent": part * (100_000 // len(part))})

    assert time.process_time() - begun < 0.05


def sentry(**more) -> bytes:
    return json.dumps({"event_id": "a" * 32, "exception": EXCEPTION, **more}).encode()


def test_an_event_that_names_none_has_them_by_its_request():
    [log] = parse(sentry(platform="javascript", request={"headers": {"User-Agent": SAMSUNG}}, tags={"browser": "own"}))

    assert (log.os, log.device) == (OsInfo("Android", "13"), DeviceInfo(model="SM-S918B", manufacturer="Samsung"))
    assert log.details["browser"] == "Chrome Mobile 112.0.0"
    assert log.tags == {"browser": "own", "browser.name": "Chrome Mobile"}
    assert "contexts" not in log.custom


def test_what_the_event_names_itself_wins():
    contexts = {"os": {"name": "Linux"}, "browser": {"name": "Firefox"}, "device": {"model": "Box"}}

    [log] = parse(sentry(platform="python", request={"headers": [["User-Agent", SAMSUNG]]}, contexts=contexts))

    assert (log.os, log.device, log.details["browser"]) == (OsInfo("Linux"), DeviceInfo(model="Box"), "Firefox")


def test_bugsnags_notifier_for_browsers_leaves_them_to_its_user_agent():
    event = {
        "exceptions": [{"errorClass": "TypeError", "message": "x", "type": "browserjs", "stacktrace": []}],
        "device": {"userAgent": IPHONE}, "request": {"url": "https://example.com/till?token=1"},
    }  # fmt: skip

    [log] = parse(json.dumps(event).encode())

    assert (log.os, log.device.model) == (OsInfo("iOS", "17.4"), "iPhone")
    assert log.details == {"url": "https://example.com/till", "browser": "Mobile Safari 17.4"}


def test_opentelemetry_has_the_user_agent_as_an_attribute():
    def attributes(**told_of: str) -> list[dict]:
        return [{"key": key.replace("__", "."), "value": {"stringValue": each}} for key, each in told_of.items()]

    record = {"attributes": attributes(exception__type="TypeError", url__full="https://example.com/till#1")}
    resource = {"attributes": attributes(user_agent__original=EDGE, os__name="Windows", os__version="11")}
    scopes = [{"logRecords": [record]}]

    [log] = parse(json.dumps({"resourceLogs": [{"resource": resource, "scopeLogs": scopes}]}).encode())

    assert log.os == OsInfo("Windows", "11")
    assert log.details == {"url": "https://example.com/till", "browser": "Edge 124.0.2478"}
    assert log.tags["browser.name"] == "Edge"
