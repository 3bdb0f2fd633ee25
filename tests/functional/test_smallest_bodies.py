"""What an address of a sender answers with success is digested, down to the smallest body that it takes."""

import json

import pytest

from app.samples import FOLDER
from tests.functional.test_dump_senders import minidump

EVENT_ID = "100000000000000000000000000000a1"


def text(value: object) -> bytes:
    return json.dumps(value).encode()


STACK = {"frames": [{"function": "f", "filename": "a.py", "lineno": 1}]}
SMALLEST = {
    "an event of nothing": ("store/", text({})),
    "an event of a message": ("store/", text({"message": "hello"})),
    "an event without an id": (
        "store/",
        text({"timestamp": 1714987200, "platform": "php", "level": "error", "message": "Something"}),
    ),
    "an event with a bare list of exceptions": (
        "store/",
        text({"event_id": EVENT_ID, "exception": [{"type": "E5", "value": "v", "stacktrace": STACK}]}),
    ),
    "an event with a key of another format": ("store/", text({"event_id": EVENT_ID, "message": "x", "report": "1"})),
    "an envelope of an event of nothing": ("envelope/", b'{}\n{"type":"event"}\n{}'),
    "an envelope of a message": ("envelope/", b'{}\n{"type":"event"}\n{"message":"x"}\n'),
    "an ACRA report of a trace": ("acra", text({"STACK_TRACE": "java.lang.IllegalStateException: only"})),
    "an ACRA report with an id": ("acra/", text({"REPORT_ID": "21110000-01", "STACK_TRACE": "it went wrong"})),
    "an ACRA report of the app's own fields": ("acra/", text({"STACK_TRACE": "java.lang.Error", "FLAVOUR": 1})),
    "an ACRA report as a form": ("acra/", b"STACK_TRACE=java.lang.Error%3A+x"),
    "a Bugsnag event": ("bugsnag/", text({"events": [{"exceptions": [{"errorClass": "E"}]}]})),
    "a Bugsnag event of a class that is null": ("bugsnag", text({"events": [{"exceptions": [{"errorClass": None}]}]})),
    "a KSCrash report": ("kscrash/", text([{"crash": {"error": {"signal": {}}}}])),
    "a KSCrash report alone": ("kscrash", text({"crash": {"error": {"mach": {}}}})),
    "a KSCrash report of the handler's crash": (
        "kscrash",
        text([{"recrash_report": {"crash": {"error": {"signal": {"signal": 11}}}}}]),
    ),
    "an OTLP log record": (
        "v1/logs",
        text(
            {
                "resourceLogs": [
                    {
                        "scopeLogs": [
                            {"logRecords": [{"attributes": [{"key": "exception.type", "value": {"stringValue": "E"}}]}]}
                        ]
                    }
                ]
            }
        ),
    ),
    "an OTLP event": (
        "v1/logs",
        text({"resource_logs": [{"scope_logs": [{"log_records": [{"event_name": "device.crash"}]}]}]}),
    ),
    "a minidump": ("minidump/", next(iter(sorted((FOLDER / "minidump").iterdir()))).read_bytes()),
}


@pytest.fixture
def send(client, member):
    def post(path: str, body: bytes, **more):
        return client.post(f"/api/{member.app.id}/{path}?sentry_key={member.ingest_key}", data=body, **more)

    return post


@pytest.fixture
def logs(client, member, run_workers):
    def listed() -> list[dict]:
        run_workers()
        return client.get(f"/api/apps/{member.app.identifier}/logs", headers=member.headers).json["result"]

    return listed


@pytest.mark.parametrize("name", SMALLEST)
def test_the_smallest_body_that_is_answered_with_success_is_an_occurrence(send, logs, name):
    path, body = SMALLEST[name]

    answer = send(path, body)

    assert answer.status_code == 200
    assert [(log["status"], log["error_message"], log["occurrences_count"]) for log in logs()] == [
        ("digested", None, 1)
    ]


@pytest.mark.parametrize("path", ["security/", "user-report/"])
def test_what_is_dropped_is_said_to_be(send, logs, path):
    answer = send(path, b"{}")

    assert (answer.status_code // 100, answer.json["result"]) == (2, {"status": "dropped"})
    assert logs() == []


TOO_SMALL = {
    "no event": ("store/", b"[]"),
    "an event that is no object": ("envelope/", b'{}\n{"type":"event"}\n[]'),
    "an ACRA report of nothing": ("acra", b"{}"),
    "an ACRA report with an empty trace": ("acra/", text({"REPORT_ID": "21110000-01", "STACK_TRACE": " "})),
    "an ACRA report without a value as its trace": ("acra/", text({"STACK_TRACE": "N/A", "BRAND": "x"})),
    "an ACRA report whose trace is no text": ("acra/", text({"STACK_TRACE": 7, "BRAND": "x", "PRODUCT": "y"})),
    "no Bugsnag events": ("bugsnag/", text({"events": []})),
    "a Bugsnag event without exceptions": ("bugsnag/", text({"events": [{"exceptions": []}]})),
    "a Bugsnag event of nothing": ("bugsnag/", text({"events": [{}, {"exceptions": [{"message": "x"}]}]})),
    "no KSCrash report": ("kscrash/", text([{}])),
    "no KSCrash reports": ("kscrash/", text([])),
    "no minidump": ("minidump/", minidump()[:31]),
}


@pytest.mark.parametrize("name", TOO_SMALL)
def test_a_body_that_tells_of_no_crash_is_refused_at_once(send, logs, name):
    path, body = TOO_SMALL[name]

    answer = send(path, body)

    assert (answer.status_code, answer.json["status"]) == (400, "bad_request")
    assert logs() == []
