"""What every app has to do with bad input, whatever its database: imported by a functional and an integration test."""

import re
import tracemalloc
from typing import Any

import pytest

from app.queueing.broker import MemoryBroker
from app.sweep import sweep
from tests import bad_input
from tests.factories import kscrash, make_crash, run_enqueued
from tests.uploads import digested, export_url

STATES = ("digested", "rejected")
HUGE = 1_000_000  # bytes; a log above it is reported in one format only, to save time


def assert_good_log_goes_through(client, member, run_workers) -> None:
    log = digested(client, member, run_workers, kscrash("the good one"), "good-log")
    url = export_url(log)
    client.get(url, headers=member.headers)
    run_workers()
    assert (log["status"], client.get(url, headers=member.headers).json["loading"]) == ("digested", [False])


def outcome(client, services, member, clock, body: bytes) -> dict[str, Any]:
    """What became of a log after every attempt a worker would make at it, and of the reports of what was found in it."""
    url = f"/api/apps/{member.app.identifier}/logs"
    assert client.post(f"{url}?log_id=bad", data=body, headers=member.sender).status_code == 202
    assert run_enqueued(services) in (1, 2)  # a log that takes long is put aside first, and digested alone
    log = client.get(f"{url}/bad", headers=member.headers).json["result"]
    for occurrence in log["occurrences"]:
        listing = f"/api/crashes/{occurrence['crash_identifier']}/occurrences"
        for path in (f"/api/apps/{member.app.identifier}/crashes", listing):
            assert client.get(path, headers=member.headers).status_code == 200
        formats = ("txt",) if len(body) > HUGE else ("json", "txt", "html", "zip")
        urls = [listing, *(export_url(log, format=name) for name in formats)]
        for asked in urls:
            client.get(asked, headers=member.headers)
        run_enqueued(services)
        assert {str(client.get(asked, headers=member.headers).json["loading"]) for asked in urls} == {"[False]"}
    assert isinstance(log, dict)
    return log


@pytest.mark.parametrize("name", bad_input.REJECTED)
def test_a_log_that_is_none_is_rejected_with_a_reason_and_the_next_goes_through(
    client, services, member, clock, run_workers, name
):
    log = outcome(client, services, member, clock, bad_input.REJECTED[name])

    assert (log["status"], log["occurrences"]) == ("rejected", [])
    assert len(log["error_message"]) > 10
    assert_good_log_goes_through(client, member, run_workers)


@pytest.mark.parametrize("name", bad_input.ENDURED)
def test_a_log_with_odd_values_ends_at_its_first_attempt_and_the_next_goes_through(
    client, services, member, clock, run_workers, name
):
    log = outcome(client, services, member, clock, bad_input.ENDURED[name])

    assert log["status"] in STATES
    assert (log["error_message"] is None) is (log["status"] == "digested")
    assert_good_log_goes_through(client, member, run_workers)


@pytest.mark.parametrize(("query", "body", "headers", "status"), bad_input.UPLOADS)
def test_an_upload_that_makes_no_sense_is_refused_in_the_contracts_shape(
    client, services, member, run_workers, query, body, headers, status
):
    answer = client.post(
        f"/api/apps/{member.app.identifier}/logs{query}", data=body, headers={**member.sender, **headers}
    )

    assert (answer.status_code, list(answer.json)) == (status, ["success", "status", "error_message"])
    assert list(services.storage.list("logs")) == []
    assert_good_log_goes_through(client, member, run_workers)


def test_a_gzip_bomb_is_refused_in_little_memory(client, member, run_workers):
    bomb = bad_input.gzip_bomb()
    tracemalloc.start()

    answer = client.post(
        f"/api/apps/{member.app.identifier}/logs", data=bomb, headers={**member.sender, "Content-Encoding": "gzip"}
    )

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(bomb) < 2_000_000
    assert (answer.status_code, answer.json["status"]) == (413, "payload_too_large")
    assert peak < 64 * 1024 * 1024
    assert_good_log_goes_through(client, member, run_workers)


def test_junk_in_any_identifier_or_parameter_is_answered_below_500(client, services, member, clock, run_workers):
    crash = make_crash(services, member.app)
    job = client.get(f"/api/crashes/{crash.identifier}/occurrences", headers=member.headers).json["job_id"]

    for method, path in bad_input.hostile_requests(member.app.identifier, crash.identifier, job):
        answer = client.open(path, method=method, headers=member.headers)
        assert answer.status_code < 500, (method, path, answer.data)
        if answer.status_code >= 400:
            assert list(answer.json) == ["success", "status", "error_message"], (method, path)

    run_workers()
    clock.advance(minutes=1)
    sweep(services)
    assert isinstance(services.broker, MemoryBroker)
    assert services.broker.messages == []  # whatever jobs they began have ended
    assert_good_log_goes_through(client, member, run_workers)


def test_a_nul_in_any_part_of_any_address_is_an_unknown_address(client, member):
    for rule in client.application.url_map.iter_rules():
        method = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})[0]
        for hostile in rule.arguments:
            known = {"app_identifier": member.app.identifier, "project": "1"}
            path = re.sub(rf"<(?:[^:>]+:)?{hostile}>", "a%00b", rule.rule)
            for name in rule.arguments:
                path = re.sub(rf"<(?:[^:>]+:)?{name}>", known.get(name, "1"), path)
            answer = client.open(path, method=method, headers=member.headers)
            assert answer.status_code == 404, (method, path, answer.data)


@pytest.mark.parametrize(
    "body",
    ['{"email":"\\ud800","password":"\\udfff"}', '{"email":"a\\u0000@b","password":"x"}', '{"email":"a@b","password":"\\u0000"}',
     '{"email":"' + "x" * 5_000 + '","password":"x"}', '{"email":"ada@example.com","email":"x","password":"x"}',
     '{"email":1e999,"password":' + "9" * 5_000 + "}", "[" * 10_000, '{"a":' * 3_000],
    ids=lambda body: body[:30],
)  # fmt: skip
def test_a_login_with_junk_is_answered_below_500(client, member, body):
    answer = client.post("/api/login", data=body, content_type="application/json")

    assert answer.status_code in (400, 401)
    assert list(answer.json) == ["success", "status", "error_message"]
