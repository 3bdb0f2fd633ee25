"""Logs in, and what became of them."""

import gzip
from dataclasses import replace

import pytest

from app import create_app
from tests.factories import NOON, kscrash, make_member

VENDORS = "2544355787-1536831773-logs-00003"


def test_a_log_goes_in_and_its_occurrence_comes_out(client, member, run_workers):
    url = f"/api/apps/{member.app.identifier}/logs"

    sent = client.post(f"{url}?log_id={VENDORS}", data=kscrash(), headers=member.sender)
    before = client.get(f"{url}/{VENDORS}", headers=member.headers).json["result"]
    run_workers()
    after = client.get(f"{url}/{VENDORS}", headers=member.headers).json["result"]

    assert (sent.status_code, sent.json["result"]) == (202, {"log_id": VENDORS, "status": "received"})
    assert before == {
        "log_id": VENDORS,
        "date": "2018-09-13",
        "status": "received",
        "error_message": None,
        "occurrences": [],
    }
    [occurrence] = after["occurrences"]
    assert (after["status"], occurrence["id"]) == ("digested", f"{VENDORS}-crash-1")
    assert (
        client.get(f"/api/crashes/{occurrence['crash_identifier']}/occurrences", headers=member.headers).status_code
        == 200
    )


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", " gzip "])
def test_a_packed_log_is_the_same_log(client, member, encoding):
    url = f"/api/apps/{member.app.identifier}/logs?log_id={VENDORS}"

    packed = client.post(url, data=gzip.compress(kscrash()), headers={**member.sender, "Content-Encoding": encoding})
    raw = client.post(url, data=kscrash(), headers={**member.sender, "Content-Encoding": "identity"})

    assert (packed.status_code, raw.status_code) == (202, 202)


def test_a_member_may_send_with_their_login(client, member):
    assert client.post(f"/api/apps/{member.app.identifier}/logs", data=b"x", headers=member.headers).status_code == 202


def test_a_log_without_a_name_gets_one_of_the_vendors_shape(client, member):
    answer = client.post(f"/api/apps/{member.app.identifier}/logs", data=kscrash(), headers=member.sender)

    name = answer.json["result"]["log_id"]
    assert name.split("-")[1:3] == [str(int(NOON.timestamp())), "logs"]
    assert client.get(f"/api/apps/{member.app.identifier}/logs/{name}", headers=member.headers).status_code == 200


@pytest.mark.parametrize("content_type", ["application/json", "text/plain; charset=utf-16", "application/x-www-form-urlencoded",
                                          "multipart/form-data; boundary=x", "nonsense", ""])  # fmt: skip
def test_the_body_is_the_log_whatever_its_content_type(client, services, member, run_workers, content_type):
    url = f"/api/apps/{member.app.identifier}/logs"

    client.post(f"{url}?log_id=mine", data=kscrash(), headers=member.sender, content_type=content_type)
    run_workers()

    assert client.get(f"{url}/mine", headers=member.headers).json["result"]["status"] == "digested"


def test_the_same_log_again_gets_the_same_answer_and_other_bytes_a_conflict(client, member):
    url = f"/api/apps/{member.app.identifier}/logs?log_id={VENDORS}"
    first = client.post(url, data=kscrash(), headers=member.sender)

    again = client.post(url, data=kscrash(), headers=member.sender)
    other = client.post(url, data=kscrash("other"), headers=member.sender)

    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert (other.status_code, other.json["status"]) == (409, "conflict")


def test_a_log_over_the_limit_is_too_large_packed_or_unpacked(services, member):
    small = create_app(replace(services, config=replace(services.config, max_log_bytes=1_024))).test_client()
    url = f"/api/apps/{member.app.identifier}/logs"
    sent = [
        (b"x" * 1_025, {}),
        (gzip.compress(b"x" * 1_025), {"Content-Encoding": "gzip"}),
        (b"x" * 1_025, {"Content-Encoding": "gzip"}),
    ]

    answers = [small.post(url, data=body, headers={**member.sender, **headers}) for body, headers in sent]

    assert [answer.status_code for answer in answers] == [413, 413, 413]
    assert {answer.json["status"] for answer in answers} == {"payload_too_large"}
    assert small.post(url, data=b"x" * 1_024, headers=member.sender).status_code == 202


@pytest.mark.parametrize("encoding", ["compress", "lzma", "gzip, gzip"])
def test_an_encoding_nobody_reads_is_unsupported(client, member, encoding):
    answer = client.post(
        f"/api/apps/{member.app.identifier}/logs", data=b"x", headers={**member.sender, "Content-Encoding": encoding}
    )

    assert (answer.status_code, answer.json["status"]) == (415, "unsupported_media_type")


def test_only_members_and_the_apps_own_key_may_send(client, services, member):
    stranger = make_member(services, "mallory@example.com")
    url = f"/api/apps/{member.app.identifier}/logs"

    statuses = [
        client.post(url, data=b"x", headers=headers).status_code
        for headers in ({}, {"Authorization": "Token unknown-token-of-length"}, stranger.headers, stranger.sender)
    ]

    assert statuses == [401, 401, 404, 404]


def test_a_log_of_others_or_unknown_is_not_found_alike(client, services, member):
    stranger = make_member(services, "mallory@example.com")
    client.post(f"/api/apps/{stranger.app.identifier}/logs?log_id=theirs", data=b"x", headers=stranger.sender)

    theirs = client.get(f"/api/apps/{stranger.app.identifier}/logs/theirs", headers=member.headers)
    unknown = client.get(f"/api/apps/{member.app.identifier}/logs/theirs", headers=member.headers)

    assert (theirs.status_code, theirs.json["error_message"]) == (404, "App not found")
    assert (unknown.status_code, unknown.json["error_message"]) == (404, "Log not found")
    assert client.get(f"/api/apps/{member.app.identifier}/logs/x", headers=member.sender).status_code == 401
