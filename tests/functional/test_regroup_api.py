"""Grouping an app anew over HTTP: its begin, its progress and its end."""

import pytest

from app.crashes.fingerprint import VERSION
from app.queueing.broker import REGROUP
from tests.factories import make_member
from tests.regrouping import counted, rules_of_the_next_version, send


@pytest.fixture
def address(services, member, run_workers) -> str:
    """Of an app with three logs that other rules have grouped."""
    with rules_of_the_next_version():
        send(services, member, run_workers, "-[A go]", "-[A go]", "-[B go]")
    return f"/api/apps/{member.app.identifier}/regroup"


def test_an_app_that_was_never_regrouped_says_so(client, member):
    answer = client.get(f"/api/apps/{member.app.identifier}/regroup", headers=member.headers)

    assert (answer.status_code, answer.json) == (200, {"success": True, "result": None})


def test_it_is_begun_watched_and_ends(client, services, member, address, run_workers):
    old = counted(services)

    begun = client.post(address, headers=member.headers)
    waiting = client.get(begun.headers["Location"], headers=member.headers)
    run_workers()
    ended = client.get(address, headers=member.headers)

    assert (begun.status_code, begun.json["result"]["state"]) == (202, "waiting")
    assert begun.json == waiting.json
    assert (waiting.headers["X-Progress"], waiting.headers["Retry-After"]) == ("0/3 logs", "2")
    assert ended.json["result"] == {
        "state": "finished",
        "rules": VERSION,
        "progress": {"done": 3, "total": 3, "unit": "logs"},
        "moved": 3,
        "unreadable": 0,
        "created_at": "2018-09-13T12:00:00Z",
        "finished_at": "2018-09-13T12:00:00Z",
    }
    assert "X-Progress" not in ended.headers
    assert not set(counted(services)) & set(old)


def test_a_second_begin_joins_the_first(client, services, member, address):
    first, second = (client.post(address, headers=member.headers) for _ in range(2))

    assert first.json == second.json
    assert len({row for task, row in services.broker.messages if task == REGROUP}) == 1


@pytest.mark.parametrize("body", [{"anew": 1}, {"anew": None}, {"x": True}, [], "x"])
def test_a_senseless_body_is_refused_and_begins_nothing(client, services, member, address, body):
    answer = client.post(address, json=body, headers=member.headers)

    assert (answer.status_code, answer.json["status"]) == (400, "bad_request")
    assert services.broker.messages == []


def test_another_tenants_app_is_not_there_and_a_sender_may_not_ask(client, services, member, address):
    stranger = make_member(services, "mallory@example.com")

    for method in (client.get, client.post):
        assert method(address, headers=stranger.headers).status_code == 404
        assert method(address, headers=member.sender).status_code == 401
        assert method(address).status_code == 401
