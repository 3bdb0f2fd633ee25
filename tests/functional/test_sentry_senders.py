"""What Sentry's SDKs send: envelopes and events in every encoding, with the key wherever they put it."""

import base64
import gzip
import json
import zlib
from dataclasses import replace

import brotli
import pytest
from backports import zstd

from app import create_app
from tests.factories import Member, make_member
from tests.integration.test_poll_cost import statements

EVENT_ID = "7c1d9a40b2e84f3f9a6601d5e8b7c234"


def event(**more) -> dict:
    values = [{"type": "TypeError", "value": "no title", "stacktrace": {"frames": [{"function": "open"}]}}]
    return {"event_id": EVENT_ID, "platform": "javascript", "exception": {"values": values}, **more}


def envelope(*items: tuple[dict, bytes], **header) -> bytes:
    lines = [json.dumps({"event_id": EVENT_ID, **header}).encode()]
    for item, payload in items:
        lines += [json.dumps({**item, "length": len(payload)}).encode(), payload]
    return b"\n".join(lines) + b"\n"


def crash(**more) -> bytes:
    return envelope(({"type": "event"}, json.dumps(event(**more)).encode()))


def sent(client, member: Member, path: str = "envelope/", body: bytes = b"", key: str | None = None, **headers):
    auth = f"Sentry sentry_version=7, sentry_client=tests/1.0, sentry_key={key or member.ingest_key}"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(f"/api/{member.app.id}/{path}", data=body, headers={"X-Sentry-Auth": auth, **named})


def log_of(client, member: Member, log_id: str = EVENT_ID) -> dict:
    return client.get(f"/api/apps/{member.app.identifier}/logs/{log_id}", headers=member.headers).json


@pytest.mark.parametrize("path", ["envelope/", "envelope"])
def test_an_envelope_with_an_event_becomes_an_occurrence(client, member, run_workers, path):
    answer = sent(client, member, path, crash())
    run_workers()

    assert (answer.status_code, answer.json) == (200, {"id": EVENT_ID})
    assert log_of(client, member)["result"]["status"] == "digested"
    assert len(log_of(client, member)["result"]["occurrences"]) == 1


def test_the_crash_of_a_web_page_is_found_by_its_browser_and_system(client, member, run_workers):
    agent = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0"
    sent(client, member, "envelope/", crash(request={"headers": {"User-Agent": agent}}))
    run_workers()

    def found(**wanted: str) -> int:
        url = f"/api/apps/{member.app.identifier}/crashes"
        return len(client.get(url, query_string=wanted, headers=member.headers).json["result"])

    assert [found(tag=f"browser.name:{name}") for name in ("Firefox", "Safari")] == [1, 0]
    assert [found(search=f"os:{name}") for name in ("ubuntu", "ios")] == [1, 0]


def test_an_envelope_costs_two_statements_like_any_upload(client, member, services):
    with statements(services) as sent_to_database:
        sent(client, member, "envelope/", crash())

    assert [statement.split()[0] for statement in sent_to_database] == ["SELECT", "INSERT"]


@pytest.mark.parametrize("path", ["store/", "store"])
def test_a_plain_event_becomes_an_occurrence(client, member, run_workers, path):
    answer = sent(client, member, path, json.dumps(event()).encode())
    run_workers()

    assert (answer.status_code, answer.json) == (200, {"id": EVENT_ID})
    assert len(log_of(client, member)["result"]["occurrences"]) == 1


def test_an_old_clients_event_in_base64_is_unpacked(client, member, run_workers):
    answer = sent(client, member, "store/", base64.b64encode(zlib.compress(json.dumps(event()).encode())))
    run_workers()

    assert answer.status_code == 200
    assert len(log_of(client, member)["result"]["occurrences"]) == 1


PACKED = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}


@pytest.mark.parametrize("encoding", PACKED)
def test_every_encoding_is_unpacked(client, member, run_workers, encoding):
    answer = sent(client, member, body=PACKED[encoding](crash()), Content_Encoding=encoding)
    run_workers()

    assert answer.status_code == 200
    assert len(log_of(client, member)["result"]["occurrences"]) == 1


@pytest.mark.parametrize("encoding", PACKED)
def test_what_unpacks_to_more_than_a_log_may_have_is_413(services, member, encoding):
    small = create_app(replace(services, config=replace(services.config, max_log_bytes=100_000))).test_client()

    answer = sent(small, member, body=PACKED[encoding](bytes(5_000_000)), Content_Encoding=encoding)

    assert (answer.status_code, answer.json["status"]) == (413, "payload_too_large")


@pytest.mark.parametrize("encoding", PACKED)
def test_a_body_that_is_cut_is_400(client, member, encoding):
    answer = sent(client, member, body=PACKED[encoding](crash() * 30)[:-9], Content_Encoding=encoding)

    assert (answer.status_code, answer.json["status"]) == (400, "bad_request")


def test_the_key_may_stand_in_the_query_or_in_the_envelopes_dsn(client, member):
    dsn = f"https://{member.ingest_key}@crashq.example.com/{member.app.id}"
    body = envelope(({"type": "event"}, json.dumps(event()).encode()), dsn=dsn)

    by_query = client.post(f"/api/{member.app.id}/envelope/?sentry_key={member.ingest_key}", data=crash())
    by_dsn = client.post(f"/api/{member.app.id}/envelope/", data=body)
    beside_a_login = client.post(f"/api/{member.app.id}/envelope/", data=body, headers=member.headers)

    assert (by_query.status_code, by_dsn.status_code, beside_a_login.status_code) == (200, 200, 200)


def test_an_event_sent_again_is_the_same_log_although_its_header_differs(client, member, run_workers):
    first = sent(client, member, body=envelope(({"type": "event"}, json.dumps(event()).encode()), sent_at="a"))
    again = sent(client, member, body=envelope(({"type": "event"}, json.dumps(event()).encode()), sent_at="b"))
    run_workers()

    assert (first.json, again.json) == ({"id": EVENT_ID}, {"id": EVENT_ID})
    assert len(log_of(client, member)["result"]["occurrences"]) == 1


@pytest.mark.parametrize(
    "kind", ["session", "sessions", "transaction", "client_report", "replay_event", "not known yet"]
)
def test_items_that_tell_of_no_crash_are_taken_and_dropped(client, services, member, kind):
    answer = sent(client, member, body=envelope(({"type": kind}, b"{}")))

    assert answer.status_code == 200
    assert log_of(client, member)["status"] == "not_found"
    assert services.broker.messages == []


def test_a_key_that_is_unknown_missing_or_another_apps_is_refused(client, services, member):
    other = make_member(services, "mallory@example.com")

    unknown = sent(client, member, body=crash(), key="0" * 32)
    missing = client.post(f"/api/{member.app.id}/envelope/", data=crash())
    others = sent(client, member, body=crash(), key=other.ingest_key)
    login = sent(client, member, body=crash(), key=member.token)
    beyond = client.post(f"/api/99999999999999999999/envelope/?sentry_key={member.ingest_key}", data=crash())

    assert [answer.status_code for answer in (unknown, missing, others, login, beyond)] == [401, 401, 404, 401, 404]
    assert unknown.headers["X-Sentry-Error"] == unknown.json["error_message"]
    assert log_of(client, member)["status"] == "not_found"


BROKEN = {
    "empty": b"",
    "no JSON": b"hello\nworld\n",
    "item without type": b'{}\n{"length":2}\n{}\n',
    "length beyond the end": b'{}\n{"type":"event","length":20}\n{}\n',
    "length too short": b'{}\n{"type":"event","length":1}\n{"a":1}\n',
    "length no number": b'{}\n{"type":"event","length":"2"}\n{}\n',
    "too many items": b"{}\n" + b'{"type":"session"}\n{}\n' * 1_001,
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_envelope_is_400_and_stores_nothing(client, services, member, name):
    answer = sent(client, member, body=BROKEN[name])

    assert (answer.status_code, answer.json["success"]) == (400, False)
    assert services.broker.messages == []


def test_an_event_that_is_no_json_is_400(client, member):
    answers = [sent(client, member, "store/", body) for body in (b"", b"%%%", b"[]", b'{"a":', b"\xff")]

    assert [answer.status_code for answer in answers] == [400] * 5


def test_a_browser_may_send_from_any_origin_but_only_here(client, member):
    here = client.options(f"/api/{member.app.id}/envelope/", headers={"Origin": "https://notes.example.com"})
    error = client.post(f"/api/{member.app.id}/envelope/", data=crash())
    elsewhere = client.options(f"/api/apps/{member.app.identifier}/logs")

    assert (here.status_code, here.headers["Access-Control-Allow-Origin"]) == (200, "*")
    assert "X-Sentry-Auth" in here.headers["Access-Control-Allow-Headers"]
    assert error.headers["Access-Control-Allow-Origin"] == "*"
    assert "X-Sentry-Error" in error.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Origin" not in elsewhere.headers


LOG, DUMP = {"type": "attachment", "filename": "app.log"}, {"type": "attachment", "attachment_type": "event.minidump"}
LARGE = bytes(25 * 1024 * 1024)


def with_event(*items: tuple[dict, bytes]) -> bytes:
    return envelope(*items, ({"type": "event"}, json.dumps(event()).encode()))


@pytest.mark.parametrize("encoding", ["", "gzip"])
@pytest.mark.parametrize("items", [[(LOG, LARGE)], [(LOG, b"a\nb"), (DUMP, LARGE)], [(LOG, LARGE[: 9 << 20])] * 3])
def test_an_attachment_that_is_too_large_costs_no_event(client, member, run_workers, encoding, items):
    body = with_event(*items)
    packed = gzip.compress(body, 1) if encoding else body

    answers = [sent(client, member, body=packed, Content_Encoding=encoding) for _ in range(2)]
    run_workers()

    assert [(answer.status_code, answer.json) for answer in answers] == [(200, {"id": EVENT_ID})] * 2
    assert len(log_of(client, member)["result"]["occurrences"]) == 1
    raw = client.get(f"/api/apps/{member.app.identifier}/logs/{EVENT_ID}/raw", headers=member.headers)
    assert len(raw.data) < 10_000
    assert b'"type": "event"' in raw.data


@pytest.mark.parametrize(
    "body",
    [
        envelope((LOG, LARGE)),
        envelope(({"type": "event"}, json.dumps(event(message="x" * len(LARGE))).encode())),
        with_event(*[(LOG, LARGE)] * 4),
        b"x" * len(LARGE),
        with_event((LOG, LARGE))[: len(LARGE)],
    ],
    ids=["no event", "a large event", "five times too much", "no envelope", "cut short"],
)
def test_what_is_too_large_all_the_same_is_refused(client, member, body):
    assert sent(client, member, body=body).status_code in (400, 413)


@pytest.mark.parametrize("path", ["envelope/", "store/"])
def test_events_whose_id_is_all_zeros_are_as_many_as_differ(client, member, run_workers, path):
    for message in ("one", "two", "two"):
        body = json.dumps({"event_id": "0" * 32, "message": message}).encode()
        whole = envelope(({"type": "event"}, body), event_id="0" * 32) if path == "envelope/" else body
        assert sent(client, member, path, whole).status_code == 200
    run_workers()
    logs = client.get(f"/api/apps/{member.app.identifier}/logs", headers=member.headers).json["result"]

    assert [log["status"] for log in logs] == ["digested"] * 2
    assert not any(log["log_id"].startswith("0" * 32) for log in logs)
