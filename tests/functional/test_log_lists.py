"""Logs of an app: listed by state and name, digested again, fetched as they were sent."""

import pytest

from app.db.models.log import Log
from tests.factories import kscrash, make_member
from tests.uploads import digested


@pytest.fixture
def path(member) -> str:
    return f"/api/apps/{member.app.identifier}/logs"


def send(client, member, path, *names: str, body: bytes = b"") -> None:
    for name in names:
        sent = client.post(f"{path}?log_id={name}", data=body or kscrash(), headers=member.sender)
        assert sent.status_code == 202, sent.data


def names(answer) -> list[str]:
    assert answer.status_code == 200, answer.data
    return [log["log_id"] for log in answer.json["result"]]


def test_a_log_is_told_with_its_state_and_what_was_found(client, member, path, run_workers):
    digested(client, member, run_workers, log_id="good")
    digested(client, member, run_workers, b"nothing", "bad")

    logs = client.get(path, headers=member.headers).json["result"]

    good, bad = sorted(logs, key=lambda log: log["log_id"], reverse=True)
    assert good == {
        "log_id": "good", "status": "digested", "error_message": None, "format": "kscrash-json", "size": len(kscrash()),
        "received_at": "2018-09-13T12:00:00Z", "digested_at": "2018-09-13T12:00:00Z", "removed_at": None,
        "occurrences_count": 1,
    }  # fmt: skip
    assert (bad["status"], bad["occurrences_count"]) == ("rejected", 0)
    assert bad["error_message"]


def test_a_reason_that_quotes_what_no_database_can_hold_is_listed(client, member, path, run_workers):
    digested(client, member, run_workers, b'{"event_id":null}\n{"type":"\\ud800\\u0000","length":2}\n{}\n', "bad")

    [bad] = client.get(path, headers=member.headers).json["result"]

    assert bad["error_message"] == "The Sentry envelope holds no event, only: \ufffd\ufffd"


def test_they_come_newest_first_and_a_page_goes_on_where_one_ended(client, member, path, clock):
    for name in ("first", "second", "third"):
        send(client, member, path, name)
        clock.advance(seconds=1)

    page = client.get(f"{path}?per_page=2", headers=member.headers)
    send(client, member, path, "later")
    rest = client.get(page.headers["Link"].partition(">")[0][1:], headers=member.headers)

    assert names(page) == ["third", "second"]
    assert (names(rest), rest.headers.get("Link")) == (["first"], None)


def test_one_state_is_listed(client, member, path, run_workers):
    digested(client, member, run_workers, log_id="good")
    digested(client, member, run_workers, b"nothing", "bad")
    send(client, member, path, "waiting")

    found = {state: names(client.get(f"{path}?status={state}", headers=member.headers))
             for state in ("received", "digested", "rejected")}  # fmt: skip

    assert found == {"received": ["waiting"], "digested": ["good"], "rejected": ["bad"]}


def test_names_that_begin_alike_are_found_in_order_and_in_pages(client, member, path):
    send(client, member, path, "a_b", "a-b", "a.b", "aXb", "A-b", "a", "b", "a-b-c")

    page = client.get(f"{path}?log_id=a-&per_page=1", headers=member.headers)
    rest = client.get(page.headers["Link"].partition(">")[0][1:], headers=member.headers)

    assert (names(page), names(rest)) == (["a-b"], ["a-b-c"])
    assert names(client.get(f"{path}?log_id=a_", headers=member.headers)) == ["a_b"]
    assert sorted(names(client.get(f"{path}?log_id=a", headers=member.headers))) == [
        "a", "a-b", "a-b-c", "a.b", "aXb", "a_b",
    ]  # fmt: skip
    assert names(client.get(f"{path}?log_id=a-b-c&status=rejected", headers=member.headers)) == []


@pytest.mark.parametrize("query", ["status=lost", "log_id=%25", "log_id=-a", "log_id=a%00", "after=1", "page=x"])
def test_what_makes_no_sense_is_refused(client, member, path, query):
    answer = client.get(f"{path}?{query}", headers=member.headers)

    assert (answer.status_code, answer.json["status"]) == (400, "bad_request")


def test_a_rejected_log_is_digested_again(client, services, member, path, run_workers, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("app.ingest.digest.read_and_group", None)  # a release that cannot
        send(client, member, path, "mine")
        for _ in range(services.config.max_attempts + 1):
            run_workers()
            services.now.advance(minutes=2)
            with services.db.read() as session:
                row = session.query(Log).one()
            services.broker.enqueue("digest_log", str(row.id), "ingest")
    before = client.get(f"{path}/mine", headers=member.headers).json["result"]

    answer = client.post(f"{path}/mine/digest", headers=member.headers)
    run_workers()

    assert before["status"] == "rejected"
    assert (answer.status_code, answer.json["result"]) == (202, {"log_id": "mine", "status": "received"})
    after = client.get(f"{path}/mine", headers=member.headers).json["result"]
    assert (after["status"], after["error_message"], len(after["occurrences"])) == ("digested", None, 1)


def test_a_digested_log_is_not_digested_again_and_a_waiting_one_goes_on_waiting(client, member, path, run_workers):
    digested(client, member, run_workers, log_id="good")
    send(client, member, path, "waiting")

    good = client.post(f"{path}/good/digest", headers=member.headers)
    waiting = client.post(f"{path}/waiting/digest", headers=member.headers)

    assert (good.status_code, good.json["status"]) == (409, "conflict")
    assert waiting.status_code == 202


def test_while_a_user_is_erased_nothing_is_digested_again(client, member, path, run_workers):
    digested(client, member, run_workers, b"nothing", "bad")
    client.delete(f"/api/apps/{member.app.identifier}/users/somebody", headers=member.headers)

    assert client.post(f"{path}/bad/digest", headers=member.headers).status_code == 409
    assert client.get(f"{path}/bad", headers=member.headers).json["result"]["status"] == "rejected"


def test_a_log_is_fetched_as_it_was_sent_and_never_shown_as_a_page(client, member, path):
    body = b"<script>alert(1)</script>"
    send(client, member, path, "mine", body=body)

    answer = client.get(f"{path}/mine/raw", headers=member.headers)

    assert (answer.status_code, answer.data, answer.mimetype) == (200, body, "application/octet-stream")
    assert answer.headers["Content-Disposition"] == "attachment; filename=mine.log"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox"


def test_where_an_app_redacts_raw_logs_stay_in_unless_it_says_otherwise(client, member, path):
    settings = f"/api/apps/{member.app.identifier}/settings"
    send(client, member, path, "mine")

    client.patch(settings, json={"redaction": {"patterns": ["email"]}}, headers=member.headers)
    kept = client.get(f"{path}/mine/raw", headers=member.headers)
    client.patch(settings, json={"redaction": {"patterns": ["email"], "raw_log": True}}, headers=member.headers)
    let_go = client.get(f"{path}/mine/raw", headers=member.headers)

    assert (kept.status_code, let_go.status_code) == (409, 200)


def test_a_log_whose_bytes_are_gone_is_gone(client, services, member, path, run_workers):
    digested(client, member, run_workers, b"nothing", "bad")
    with services.db.write() as session:
        row = session.query(Log).one()
        row.removed_at = services.now()
        services.storage.delete(row.storage_key)

    assert client.get(f"{path}/bad/raw", headers=member.headers).status_code == 410
    assert client.post(f"{path}/bad/digest", headers=member.headers).status_code == 410


def test_nobody_but_members_sees_any_of_it(client, services, member, path, run_workers):
    digested(client, member, run_workers, b"nothing", "bad")
    stranger = make_member(services, "mallory@example.com")

    for method, address in (("GET", path), ("POST", f"{path}/bad/digest"), ("GET", f"{path}/bad/raw")):
        assert client.open(address, method=method, headers=stranger.headers).status_code == 404
        assert client.open(address, method=method, headers=member.sender).status_code == 401
        assert client.open(address, method=method).status_code == 401
    assert client.get(f"{path}/unknown/raw", headers=member.headers).status_code == 404
    assert client.post(f"{path}/%00/digest", headers=member.headers).status_code == 404
