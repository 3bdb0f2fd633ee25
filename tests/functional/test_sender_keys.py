"""The key of a sender is checked before anything of its body is unpacked, at every endpoint for senders."""

import gzip
import json

import pytest

PATHS = (
    "envelope/", "store/", "minidump/", "acra/", "acra/0a9f2c6e", "bugsnag/", "bugsnag/sessions", "kscrash/", "v1/logs",
    "security/", "user-report/",
)  # fmt: skip
BROKEN = gzip.compress(b'{"event_id":"x"}\n' * 1_000)[:-20] + b"no gzip"


def send(client, path: str, body: bytes, **headers: str):
    method = client.put if "acra/0" in path else client.post
    return method(path, data=body, headers={"Content-Encoding": "gzip", **headers})


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("query", ["", "?sentry_key=0123456789abcdef0123456789abcdef"])
def test_without_a_key_the_answer_does_not_say_that_the_body_is_broken(client, member, path, query):
    assert send(client, f"/api/{member.app.id}/{path}{query}", BROKEN).status_code == 401


@pytest.mark.parametrize("path", PATHS)
def test_with_the_key_it_does(client, member, path):
    answer = send(client, f"/api/{member.app.id}/{path}?sentry_key={member.ingest_key}", BROKEN)

    assert (answer.status_code, "gzip" in answer.json["error_message"]) == (400, True)


@pytest.mark.parametrize(("own", "status"), [(True, 400), (False, 401)])
def test_of_an_envelope_only_the_first_line_is_read_for_its_key(client, member, own, status):
    header = json.dumps({"dsn": f"https://{member.ingest_key if own else '0' * 32}@host/1"}).encode()
    body = gzip.compress(header + b"\n" + b"x" * 300_000)[:-9]

    assert send(client, f"/api/{member.app.id}/envelope/", body).status_code == status


def test_a_key_beyond_eight_kib_of_the_first_line_is_none(client, member):
    header = json.dumps({"pad": "x" * 9_000, "dsn": f"https://{member.ingest_key}@host/1"}).encode()

    answer = client.post(f"/api/{member.app.id}/envelope/", data=header + b"\n")

    assert answer.status_code == 401
