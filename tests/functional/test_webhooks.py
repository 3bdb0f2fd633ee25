"""Webhooks over HTTP: made, listed, changed, deleted, replayed; and what is refused."""

from dataclasses import replace

import pytest

from app import create_app
from app.webhooks.deliveries import deliver_due
from app.webhooks.settings import MOST_PER_APP
from tests.factories import make_crash, make_member, run_enqueued
from tests.receiver import receiver


@pytest.fixture
def hooked(services):
    return replace(services, config=replace(services.config, webhooks_allow=("127.0.0.1/32",)))


@pytest.fixture
def client(hooked):
    return create_app(hooked).test_client()


@pytest.fixture
def base(member) -> str:
    return f"/api/apps/{member.app.identifier}/webhooks"


URL = "http://127.0.0.1:9/hook"
WANTED = {"url": URL, "events": ["job.finished", "crash.new"]}


def made(client, member, base, **fields):
    answer = client.post(base, json={**WANTED, **fields}, headers=member.headers)
    assert answer.status_code == 201, answer.json
    return answer.json["result"]


def test_a_webhook_is_made_and_its_secret_told_once(client, hooked, member, base):
    created = made(client, member, base)

    secret = created.pop("secret")
    assert secret.startswith("whsec_")
    assert created == {
        "identifier": created["identifier"], "url": URL, "events": ["job.finished", "crash.new"], "active": True,
        "disabled_reason": None, "failing_since": None, "created_at": "2018-09-13T12:00:00Z",
    }  # fmt: skip
    one = f"{base}/{created['identifier']}"
    assert client.get(one, headers=member.headers).json["result"] == created
    assert client.get(base, headers=member.headers).json["result"] == [created]


def test_it_is_changed_in_what_is_given_only(client, member, base):
    one = f"{base}/{made(client, member, base)['identifier']}"

    off = client.patch(one, json={"active": False}, headers=member.headers).json["result"]
    other = client.patch(one, json={"events": ["job.failed"]}, headers=member.headers).json["result"]

    assert (off["active"], off["url"], off["events"]) == (False, URL, ["job.finished", "crash.new"])
    assert (other["active"], other["events"]) == (False, ["job.failed"])


def test_a_deleted_one_is_gone_with_its_log(client, member, base):
    one = f"{base}/{made(client, member, base)['identifier']}"

    assert client.delete(one, headers=member.headers).json == {"success": True}

    for path in (one, f"{one}/deliveries"):
        assert client.get(path, headers=member.headers).status_code == 404
    assert client.get(base, headers=member.headers).json["result"] == []


def test_the_log_tells_of_deliveries_newest_first_in_pages_and_replays(client, hooked, member, base):
    crash = make_crash(hooked, member.app)
    with receiver() as sink:
        one = f"{base}/{made(client, member, base, url=sink.url)['identifier']}"
        for page in (1, 2, 3):
            client.get(f"/api/crashes/{crash.identifier}/occurrences?page={page}", headers=member.headers)
            run_enqueued(hooked)
        deliver_due(hooked)

        answer = client.get(f"{one}/deliveries?per_page=2", headers=member.headers)
        first = answer.json["result"][0]
        again = client.post(f"{one}/deliveries/{first['id']}/replay", headers=member.headers)
        deliver_due(hooked)

        assert len(sink.got) == 4
    assert [int(row["id"]) for row in answer.json["result"]] == [3, 2]
    assert answer.headers["Link"] == f'<{one}/deliveries?per_page=2&page=2>; rel="next"'
    assert (first["state"], first["last_status"], first["attempts"]) == ("delivered", 204, 1)
    assert again.json["result"]["state"] == "pending"


@pytest.mark.parametrize(
    "body",
    [{}, [], 5, {"url": URL}, {"events": ["crash.new"]}, {**WANTED, "events": []}, {**WANTED, "events": ["crash.old"]},
     {**WANTED, "events": "crash.new"}, {**WANTED, "active": "yes"}, {**WANTED, "more": 1}, {**WANTED, "url": "ftp://x"},
     {**WANTED, "url": "http://127.0.0.2/"}, {**WANTED, "url": "http://[::1]/"}, {**WANTED, "url": "http://10.0.0.1/"},
     {**WANTED, "url": "http://169.254.169.254/latest"}, {**WANTED, "url": "http://[::ffff:10.0.0.1]/"},
     {**WANTED, "url": 5}, {**WANTED, "url": None}, {**WANTED, "url": "http://\u0000/"}, {**WANTED, "url": "\ud800"},
     {**WANTED, "url": "http://127.0.0.1/" + "a" * 3_000}],
)  # fmt: skip
def test_what_makes_no_sense_or_leads_inside_is_refused_and_nothing_is_made(client, member, base, body):
    answer = client.post(base, json=body, headers=member.headers)

    assert answer.status_code == 400
    assert list(answer.json) == ["success", "status", "error_message"]
    assert client.get(base, headers=member.headers).json["result"] == []


def test_a_change_to_what_leads_inside_is_refused(client, member, base):
    one = f"{base}/{made(client, member, base)['identifier']}"

    for body in ({"url": "http://10.0.0.1/"}, {"url": None}, {"active": None}, {"events": []}, {"identifier": "x"}):
        assert client.patch(one, json=body, headers=member.headers).status_code == 400

    assert client.get(one, headers=member.headers).json["result"]["url"] == URL


def test_an_app_has_only_so_many(client, member, base):
    for _ in range(MOST_PER_APP):
        made(client, member, base)

    assert client.post(base, json=WANTED, headers=member.headers).status_code == 409


def test_another_tenants_webhooks_are_as_good_as_none(client, hooked, member, base):
    stranger = make_member(hooked, "mallory@example.com")
    one = f"{base}/{made(client, member, base)['identifier']}"
    theirs = one.replace(member.app.identifier, stranger.app.identifier)

    for path in (base, one, f"{one}/deliveries", theirs, f"{theirs}/deliveries"):
        assert client.get(path, headers=stranger.headers).status_code == 404
    for path in (one, theirs):
        assert client.patch(path, json={"active": False}, headers=stranger.headers).status_code == 404
        assert client.delete(path, headers=stranger.headers).status_code == 404
        assert client.post(f"{path}/deliveries/1/replay", headers=stranger.headers).status_code == 404
    assert client.post(base, json=WANTED, headers=stranger.headers).status_code == 404
    assert client.get(base).status_code == 401
    assert client.get(one, headers=member.headers).json["result"]["active"] is True


@pytest.mark.parametrize("number", ["0", "1", "-1", "x", "9" * 30, "9223372036854775808", "%00", "١"])
def test_an_unknown_delivery_is_not_found(client, member, base, number):
    one = f"{base}/{made(client, member, base)['identifier']}"

    assert client.post(f"{one}/deliveries/{number}/replay", headers=member.headers).status_code == 404
    assert client.get(f"{base}/%00", headers=member.headers).status_code == 404
