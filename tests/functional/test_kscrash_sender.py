"""What KSCrash's HTTP sink sends: a form with a file of several reports, which it sends again until all are taken."""

import gzip
import io
import json
from dataclasses import replace

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from app import create_app
from app.samples import FOLDER
from tests.factories import make_member

CUSTOM = {"report": {"id": "0000aaaa-1", "type": "custom", "version": "3.3"}, "user": {"seen": 1}, "system": {}}


def report(number: int, **more) -> dict:
    error = {"type": "signal", "signal": {"name": "SIGSEGV", "signal": 11}}
    return {
        "report": {"id": f"0A0B0C0D-{number:04}", "version": "3.3.0", "type": "standard"},
        "crash": {"error": error},
        **more,
    }


@pytest.fixture
def send(client, member):
    def post(body: bytes, key: str | None = None, *, client=client, project: int = member.app.id, **more):
        return client.post(f"/api/{project}/kscrash/?sentry_key={key or member.ingest_key}", data=body, **more)

    return post


def form(content: bytes, name: str = "reports") -> dict:
    """The body and its type, as KSCrash's standard sink makes them."""
    boundary, body = encode_multipart({name: FileStorage(io.BytesIO(content), "reports.json")})
    return {"body": body, "content_type": f"multipart/form-data; boundary={boundary}"}


def names(answer) -> list[str]:
    return answer.json["result"]["log_ids"]


def test_each_report_of_a_form_is_a_log_and_an_occurrence(send, client, member, run_workers):
    answer = send(**form(json.dumps([report(1), report(2)]).encode()))
    run_workers()

    assert (answer.status_code, names(answer)) == (200, ["kscrash-0A0B0C0D-0001", "kscrash-0A0B0C0D-0002"])
    for name in names(answer):
        log = client.get(f"/api/apps/{member.app.identifier}/logs/{name}", headers=member.headers).json["result"]
        assert (log["status"], len(log["occurrences"])) == ("digested", 1)


def test_reports_that_are_sent_again_with_a_newer_one_are_the_same_logs(send, services):
    send(**form(json.dumps([report(1)]).encode()))
    again = form(json.dumps([report(1), report(2)]).encode())

    answer = send(
        gzip.compress(again["body"]), content_type=again["content_type"], headers={"Content-Encoding": "gzip"}
    )

    assert (answer.status_code, len(names(answer)), len(services.broker.messages)) == (200, 2, 2)


def test_a_file_that_is_packed_within_the_form_and_the_json_alone_are_taken(send):
    content = json.dumps([report(1)]).encode()

    assert names(send(**form(gzip.compress(content)))) == names(send(content)) == ["kscrash-0A0B0C0D-0001"]


def test_reports_in_apples_text_are_logs(send, client, member, run_workers):
    text = next(iter(sorted((FOLDER / "apple-text").iterdir()))).read_text()

    answer = send(json.dumps([text]).encode())
    run_workers()

    [log] = client.get(f"/api/apps/{member.app.identifier}/logs", headers=member.headers).json["result"]
    assert (answer.status_code, log["status"], log["format"]) == (200, "digested", "apple-text")


def test_what_holds_no_crash_is_dropped_and_keeps_no_other_from_being_taken(send, services):
    with_crash = send(json.dumps([CUSTOM, report(1), {}, 7, "hello"]).encode())
    without = send(json.dumps([CUSTOM]).encode())

    assert (with_crash.status_code, names(with_crash)) == (200, ["kscrash-0A0B0C0D-0001"])
    assert (without.status_code, names(without)) == (200, [])
    assert len(services.broker.messages) == 1


def test_a_key_that_is_unknown_missing_or_another_apps_is_refused(send, client, services, member):
    other = make_member(services, "mallory@example.com")
    body = json.dumps([report(1)]).encode()

    answers = [
        send(body, "0" * 32),
        send(body, other.ingest_key),
        client.post(f"/api/{member.app.id}/kscrash", data=body),
    ]

    assert [answer.status_code for answer in answers] == [401, 404, 401]
    assert services.broker.messages == []


@pytest.mark.parametrize(
    "sent",
    [
        {"body": b""}, {"body": b"rubbish"}, {"body": b"\xff\xfe"}, {"body": b"[[]]"}, {"body": b'[{"report":'},
        {"body": json.dumps([report(number) for number in range(101)]).encode()},
        form(json.dumps([report(1)]).encode(), "other"), form(gzip.compress(json.dumps([report(1)]).encode())[:-9]),
        {"body": form(b"[]")["body"], "content_type": "multipart/form-data"},
    ],
)  # fmt: skip
def test_rubbish_is_400_and_stores_nothing(send, services, sent):
    answer = send(**sent)

    assert (answer.status_code, answer.json["status"]) == (400, "bad_request")
    assert services.broker.messages == []


def test_what_is_too_large_is_413(send, services):
    small = create_app(replace(services, config=replace(services.config, max_log_bytes=2_000))).test_client()
    large = json.dumps([report(1, user={"x": "y" * 2_000})]).encode()

    answers = [
        send(large, client=small),
        send(**form(large), client=small),
        send(**form(gzip.compress(large)), client=small),
    ]

    assert [answer.status_code for answer in answers] == [413, 413, 413]
