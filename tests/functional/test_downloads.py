"""Signed links: whole files, ranges, conditions, and everything that closes them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app import create_app
from app.db.models.membership import Membership
from tests.uploads import digested, export_url


@pytest.fixture
def link(client, member, run_workers) -> str:
    url = export_url(digested(client, member, run_workers), format="txt")
    client.get(url, headers=member.headers)
    run_workers()
    return client.get(url, headers=member.headers).json["result"]["url"]


@pytest.fixture
def whole(client, link) -> bytes:
    return client.get(link).data


def test_the_stored_file_is_served_without_a_token(client, link, whole):
    answer = client.get(link)

    assert answer.status_code == 200
    assert int(answer.headers["Content-Length"]) == len(whole) > 20
    assert answer.headers["Content-Disposition"] == "attachment; filename=2544355787-1536831773-logs-00003-crash-1.txt"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert link.startswith("http://localhost/api/downloads/")


def test_a_head_request_tells_the_size_and_sends_nothing(client, link, whole):
    answer = client.head(link)

    assert (answer.status_code, answer.data, answer.headers["Content-Length"]) == (200, b"", str(len(whole)))


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=5-", 5, None),
        ("bytes=-7", -7, None),
        ("bytes=0-0", 0, 1),
        ("bytes=3-999999", 3, None),
    ],
)
def test_a_range_is_served_as_such(client, link, whole, wanted, start, end):
    answer = client.get(link, headers={"Range": wanted})

    part = whole[start:end]
    first = start if start >= 0 else len(whole) + start
    assert (answer.status_code, answer.data) == (206, part)
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(part) - 1}/{len(whole)}"
    assert int(answer.headers["Content-Length"]) == len(part)


@pytest.mark.parametrize(
    "wanted", ["bytes=0-", "bytes=0-1,3-4", "lines=0-1", "bytes=x-y", "nonsense", "bytes=5-1", "bytes=--1"]
)
def test_a_range_of_everything_or_of_an_unknown_kind_gets_the_whole(client, link, whole, wanted):
    answer = client.get(link, headers={"Range": wanted})

    assert (answer.status_code, answer.data) == (200, whole)


@pytest.mark.parametrize("wanted", ["bytes=999999-", "bytes=999999-9999999"])
def test_a_range_outside_the_file_is_not_satisfiable(client, link, wanted):
    answer = client.get(link, headers={"Range": wanted})

    assert (answer.status_code, answer.json["status"], answer.json["success"]) == (416, "range_not_satisfiable", False)


def test_a_download_is_resumed_only_while_the_file_is_the_same(client, link, whole):
    etag, modified = (client.get(link).headers[name] for name in ("ETag", "Last-Modified"))
    conditions = [etag, modified, '"another"', "Wed, 12 Sep 2018 12:00:00 GMT"]

    statuses = [client.get(link, headers={"Range": "bytes=2-4", "If-Range": value}).status_code for value in conditions]

    assert statuses == [206, 206, 200, 200]


def test_a_file_that_the_client_has_is_not_sent_again(client, link):
    etag = client.get(link).headers["ETag"]

    same = client.get(link, headers={"If-None-Match": etag})
    other = client.get(link, headers={"If-None-Match": '"another"'})

    assert (same.status_code, same.data, other.status_code) == (304, b"", 200)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda link: link[:-9] + link[-9:].swapcase(),
        lambda link: link + "x",
        lambda link: link.replace("/downloads/", "/downloads/x"),
        lambda link: link[: link.rindex(".")],
        lambda _: "/api/downloads/x",
        lambda _: "/api/downloads/%FF.a.b",
        lambda _: "/api/downloads/" + "x" * 3_000,
    ],
)
def test_a_tampered_link_is_not_found(client, link, tamper):
    answer = client.get(tamper(link))

    assert (answer.status_code, answer.json["error_message"]) == (404, "This link is not valid")


def test_a_link_works_until_its_result_expires(client, services, member, link, clock):
    clock.now += timedelta(seconds=services.config.result_lifetime - 1)
    assert client.get(link).status_code == 200

    clock.now += timedelta(seconds=1)

    answer = client.get(link)
    assert (answer.status_code, answer.json["status"]) == (410, "gone")


def test_a_link_begins_with_the_address_that_clients_know(services, member, run_workers):
    public = replace(services, config=replace(services.config, public_url="https://crashes.example.com/base"))
    client = create_app(public).test_client()
    url = export_url(digested(client, member, run_workers))
    client.get(url, headers=member.headers)
    run_workers()

    link = client.get(url, headers=member.headers).json["result"]["url"]

    assert link.startswith("https://crashes.example.com/base/api/downloads/")


def test_a_freed_result_is_gone(client, services, member, link):
    [job] = client.get("/api/jobs", headers=member.headers).json["result"]
    client.delete(f"/api/jobs/{job['job_id']}", headers=member.headers)

    assert client.get(link).status_code == 410


def test_a_member_who_has_left_can_no_longer_use_their_links(client, services, member, link):
    with services.db.write() as session:
        session.delete(session.get_one(Membership, (member.user_id, member.app.id)))

    answer = client.get(link)

    assert (answer.status_code, answer.json["error_message"]) == (404, "This link is not valid")


def test_a_file_that_the_store_has_lost_is_gone(client, services, link):
    services.storage.delete_folder("jobs")

    assert client.get(link).status_code == 410
