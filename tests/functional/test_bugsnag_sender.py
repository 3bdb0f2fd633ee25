"""What Bugsnag's notifiers send: events with the key in `Bugsnag-Api-Key`, and sessions."""

import gzip
import json
from dataclasses import replace

import pytest
from limits.storage import MemoryStorage

from app import create_app
from app.queueing.rate_limit import RateLimit
from tests.factories import make_member
from tests.functional.test_dump_senders import stored
from tests.sessions import Counted, counted


def event(number: int = 0, **more) -> dict:
    exceptions = [{"errorClass": "TypeError", "message": f"no title {number}", "stacktrace": [{"method": "open"}]}]
    device = {"time": f"2024-01-01T10:00:{number:02}Z", "osName": "linux"}
    return {"exceptions": exceptions, "device": device, "unhandled": True, **more}


def payload(*events: dict, **more) -> bytes:
    return json.dumps(
        {"apiKey": "k", "payloadVersion": "4", "notifier": {"name": "n"}, "events": events, **more}
    ).encode()


@pytest.fixture
def send(client, member):
    def post(body: bytes, path: str = "bugsnag", key: str | None = None, client=client, **headers: str):
        named = {"Bugsnag-Api-Key": key or member.ingest_key, **headers}
        return client.post(f"/api/{member.app.id}/{path}", data=body, headers=named)

    return post


def names(answer) -> list[str]:
    return answer.json["result"]["log_ids"]


def test_each_event_of_a_payload_is_a_log_and_an_occurrence(send, client, member, run_workers):
    answer = send(payload(event(1), event(2)))
    run_workers()

    assert (answer.status_code, len(names(answer)), answer.json["result"]["status"]) == (200, 2, "received")
    for name in names(answer):
        log = client.get(f"/api/apps/{member.app.identifier}/logs/{name}", headers=member.headers).json["result"]
        assert (log["status"], len(log["occurrences"])) == ("digested", 1)


def test_an_event_is_stored_without_the_key_and_sent_again_is_the_same_log(send, services, member):
    first = send(payload(event(1), apiKey=member.ingest_key))
    again = send(gzip.compress(payload(event(1))), **{"Content-Encoding": "gzip"})

    assert first.json == again.json
    assert len(services.broker.messages) == 1
    assert json.loads(stored(services, member, names(first)[0])) == {
        "payloadVersion": "4",
        "notifier": {"name": "n"},
        "events": [event(1)],
    }


def test_events_without_a_time_that_are_alike_are_two(send):
    timeless = payload({"exceptions": [{"errorClass": "ValueError"}]})

    assert names(send(timeless)) != names(send(timeless))


def test_sessions_are_counted_and_crash_with_their_events(send, services, member):
    app = {"version": "2.4.0", "releaseStage": "production"}
    started = {"id": "5e55", "startedAt": "2018-09-13T11:00:00Z", "user": {"id": "ada"}}
    counts = [{"startedAt": "2018-09-13T11:59:00Z", "sessionsStarted": 3}]
    answer = send(json.dumps({"app": app, "sessions": [started], "sessionCounts": counts}).encode(), "bugsnag/sessions")
    crashed = event(1, app=app, user={"id": "ada"}, session={**started, "events": {"handled": 1, "unhandled": 1}})
    for _ in range(2):
        send(payload(crashed))

    assert (answer.status_code, answer.json["result"]) == (202, {"status": "received"})
    assert counted(services, member.app.id) == {
        ("2018-09-13", "=2.4.0", "=production"): Counted(sessions=4, errored=1, crashed=1, users=1, crashed_users=1)
    }


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"sessions":[{}],"sessionCounts":{"sessionsStarted":1}}'])
def test_what_tells_of_no_session_is_taken(send, services, member, body):
    assert send(body, "bugsnag/sessions").status_code == 202
    assert counted(services, member.app.id) == {}


def test_a_key_that_is_unknown_or_another_apps_is_refused(send, client, services, member):
    other = make_member(services, "mallory@example.com")

    answers = [
        send(payload(event()), path, key)
        for path in ("bugsnag", "bugsnag/sessions")
        for key in ("0" * 32, other.ingest_key)
    ]
    missing = client.post(f"/api/{member.app.id}/bugsnag", data=payload(event()))

    assert [answer.status_code for answer in (*answers, missing)] == [401, 404, 401, 404, 401]
    assert services.broker.messages == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"rubbish",
        b"[]",
        b'{"events":{}}',
        b'{"events":[',
        payload(event(), {"exceptions": 7}),
        payload(*[event()] * 101),
    ],
)
def test_rubbish_is_400_and_stores_nothing_of_it(send, services, body):
    answer = send(body)

    assert (answer.status_code, answer.json["status"]) == (400, "bad_request")
    assert services.broker.messages == []


def test_what_is_too_large_is_413(send, services):
    small = create_app(replace(services, config=replace(services.config, max_log_bytes=1_000))).test_client()

    answers = [
        send(payload(event(context="x" * 1_000)), client=small),
        send(gzip.compress(payload(event(context="x" * 1_000))), client=small, **{"Content-Encoding": "gzip"}),
    ]

    assert [answer.status_code for answer in answers] == [413, 413]


def test_a_payload_that_was_refused_halfway_gets_through_in_the_end(send, services):
    def limited():
        config = replace(services.config, logs_per_minute=2)
        return create_app(replace(services, config=config, rate_limit=RateLimit(MemoryStorage()))).test_client()

    refused = send(payload(event(1), event(2), event(3)), client=limited())
    taken = send(payload(event(1), event(2), event(3)), client=limited())

    assert (refused.status_code, int(refused.headers["Retry-After"]) > 0) == (429, True)
    assert (taken.status_code, len(names(taken)), len(services.broker.messages)) == (200, 3, 3)


def test_a_page_of_any_origin_may_send(client, member):
    preflight = client.options(f"/api/{member.app.id}/bugsnag", headers={"Origin": "https://notes.example.com"})
    refused = client.post(f"/api/{member.app.id}/bugsnag", data=b"x")

    assert preflight.headers["Access-Control-Allow-Origin"] == refused.headers["Access-Control-Allow-Origin"] == "*"
    assert "Bugsnag-Sent-At" in preflight.headers["Access-Control-Allow-Headers"]
