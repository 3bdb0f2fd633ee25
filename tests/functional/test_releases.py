"""Releases of an app over HTTP: what crashes and sessions tell of each version."""

import json
from typing import Any

import pytest

from app.background.session_folds import fold_sessions
from app.db.queries import releases as queries
from app.ingest.receive import receive
from tests.factories import Member, make_member, run_enqueued
from tests.functional.test_sessions import send
from tests.sentry_events import sentry_event
from tests.sessions import sums, update

DAY = "since_date=2018-09-11&until_date=2018-09-13"


def crash_in(services, member: Member, log_id: str, version: str, day: int = 13, user: str | None = "ada", **more: Any):
    event = json.loads(sentry_event(user, log_id, environment=more.get("environment")))
    event |= {"release": f"notes@{version}", "timestamp": more.get("timestamp", f"2018-09-{day}T10:00:00Z")}
    event["exception"]["values"][0]["type"] = more.get("error", "IllegalStateException")
    receive(services, member.app, log_id, json.dumps(event).encode())
    run_enqueued(services)


def ask(client, member: Member, path: str, services) -> Any:
    url = f"/api/apps/{member.app.identifier}/{path}"
    first = client.get(url, headers=member.headers)
    assert first.json["loading"] == [True], first.json
    run_enqueued(services)
    answer = client.get(url, headers=member.headers).json
    assert answer["loading"] == [False]
    return answer["result"]


@pytest.fixture
def released(client, member, services):
    """An app with crashes in three versions, and sessions in two."""
    crash_in(services, member, "one", "1.9.0", 11)
    crash_in(services, member, "two", "1.10.0", 12, "bob")
    crash_in(services, member, "three", "1.10.0", 13, "bob", environment="staging")
    crash_in(services, member, "four", "1.10.0", 13, "cleo", error="SecurityException")
    crash_in(services, member, "five", "2.0.0-beta", 13, None)
    send(client, member, *(update(release="notes@1.10.0", did=user) for user in ("ada", "bob", "cleo", "dan")))
    send(client, member, update("c", release="notes@1.10.0", did="ada", status="crashed"))
    send(client, member, sums("notes@1.9.0", exited=5), sums("notes@3.0.0", exited=10))
    fold_sessions(services, member.app.id)
    return member


def test_releases_are_told_by_version_newest_first(client, services, released):
    found = ask(client, released, f"releases?{DAY}", services)

    assert (found["first_day"], found["last_day"], found["total"], found["sessions"]) == (
        "2018-09-11",
        "2018-09-13",
        4,
        20,
    )
    told = {one["version"]: one for one in found["releases"]}
    assert list(told) == ["3.0.0", "2.0.0-beta", "1.10.0", "1.9.0"]
    names = ("occurrences", "users", "crashes", "new_crashes", "first_seen", "last_seen")
    assert {version: tuple(one[name] for name in names) for version, one in told.items()} == {
        "3.0.0": (0, 0, 0, 0, "2018-09-13", "2018-09-13"),
        "2.0.0-beta": (1, 0, 1, 0, "2018-09-13", "2018-09-13"),
        "1.10.0": (3, 2, 2, 1, "2018-09-12", "2018-09-13"),
        "1.9.0": (1, 1, 1, 1, "2018-09-11", "2018-09-13"),
    }
    newest = told["1.10.0"]
    assert newest["occurrences_per_day"] == [0, 1, 2]
    assert newest["sessions_per_day"] == [0, 0, 5]


def test_rates_are_those_of_sessions_and_null_without(client, services, released):
    told = {one["version"]: one for one in ask(client, released, f"releases?{DAY}", services)["releases"]}

    names = (
        "sessions",
        "crashed_sessions",
        "session_users",
        "crashed_users",
        "crash_free_sessions",
        "crash_free_users",
    )
    assert [told["1.10.0"][name] for name in names] == [5, 1, 4, 1, 0.8, 0.75]
    assert [told["1.9.0"][name] for name in names] == [5, 0, 0, 0, 1.0, None]
    assert [told["2.0.0-beta"][name] for name in names] == [0, 0, 0, 0, None, None]
    assert told["3.0.0"]["adoption_2_days"] == told["3.0.0"]["adoption_7_days"] == 0.5
    assert told["1.10.0"]["environments"] == [
        {
            "environment": "production",
            "occurrences": 0,
            "sessions": 5,
            "crash_free_sessions": 0.8,
            "crash_free_users": 0.75,
        },
        {
            "environment": "staging",
            "occurrences": 1,
            "sessions": 0,
            "crash_free_sessions": None,
            "crash_free_users": None,
        },
    ]


def test_releases_of_one_environment(client, services, released):
    found = ask(client, released, f"releases?{DAY}&environment=production", services)
    staging = ask(client, released, f"releases?{DAY}&environment=staging", services)

    assert [(one["version"], one["sessions"]) for one in found["releases"]] == [("1.10.0", 5)]
    told = [(one["version"], one["occurrences"], one["new_crashes"], one["users"]) for one in staging["releases"]]
    assert told == [("1.10.0", 1, 1, 1)]


def test_a_device_with_a_wrong_clock_makes_no_release_older(client, services, member):
    crash_in(services, member, "right", "1.0", 13)
    crash_in(services, member, "wrong", "2.0", 13, error="SecurityException", timestamp="1970-01-17T10:00:00Z")

    found = ask(client, member, f"releases?{DAY}", services)
    old = ask(client, member, "releases?since_date=1970-01-01&until_date=1970-02-01", services)

    assert [(one["version"], one["first_seen"]) for one in found["releases"]] == [("1.0", "2018-09-13")]
    told = [(one["version"], one["occurrences"], one["first_seen"], one["last_seen"]) for one in old["releases"]]
    assert told == [("2.0", 1, "2018-09-13", "2018-09-13")]


def test_users_of_an_environment_are_not_told_where_too_many_occurrences_would_be_read(
    client, services, released, monkeypatch
):
    monkeypatch.setattr(queries, "MOST_READ", 2)  # the crash has three, in all environments

    found = ask(client, released, f"releases?{DAY}&environment=staging", services)

    assert [(one["version"], one["users"]) for one in found["releases"]] == [("1.10.0", None)]


def test_pages_of_releases(client, services, released):
    pages = [ask(client, released, f"releases?{DAY}&per_page=3&page={page}", services) for page in (1, 2, 3)]

    assert [[one["version"] for one in page["releases"]] for page in pages] == [
        ["3.0.0", "2.0.0-beta", "1.10.0"], ["1.9.0"], [],
    ]  # fmt: skip
    assert {page["total"] for page in pages} == {4}


def test_a_release_that_a_tool_declares_is_told_before_it_has_figures(client, services, member):
    url = "/api/0/organizations/any/releases/"
    body = {"version": "notes@4.0.0+7", "projects": [str(member.app.id)]}
    assert client.post(url, json=body, headers=member.headers).status_code in (201, 208)

    [told] = ask(client, member, "releases", services)["releases"]
    assert (told["version"], told["declared_at"], told["first_seen"]) == ("4.0.0", "2018-09-13T12:00:00Z", None)


def test_two_releases_side_by_side_with_their_crashes(client, services, released):
    found = ask(client, released, f"release?{DAY}&version=1.10.0&compare=1.9.0", services)

    newer, older = found["releases"]
    assert [(one["occurrences"], len(one["title"]) > 0) for one in newer["top"]] == [(2, True), (1, True)]
    assert [one["occurrences"] for one in newer["new"]] == [1]
    assert newer["new"][0]["crash_identifier"] == newer["top"][1]["crash_identifier"]
    assert [one["crash_identifier"] for one in older["new"]] == [newer["top"][0]["crash_identifier"]]


def test_a_crash_that_comes_back_is_told_with_the_version_it_came_back_in(client, services, released):
    [old] = ask(client, released, f"release?{DAY}&version=1.9.0", services)["releases"][0]["new"]
    crash = f"/api/crashes/{old['crash_identifier']}"
    answer = client.patch(crash, json={"state": "resolved", "resolved_in": "2.1"}, headers=released.headers)
    crash_in(services, released, "six", "2.2", 13)

    assert answer.status_code == 200, answer.json
    [told] = ask(client, released, f"release?{DAY}&version=2.2", services)["releases"]
    assert (told["regressed_crashes"], told["new_crashes"]) == (1, 0)
    assert told["regressed"] == [{**old, "occurrences": 1}]


def test_a_version_that_nobody_has_sent_has_nothing(client, services, released):
    [told] = ask(client, released, "release?version=9.9", services)["releases"]

    assert (told["version"], told["occurrences"], told["first_seen"], told["top"]) == ("9.9", 0, None, [])


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("release", "version has to be given"),
        (f"release?version={'x' * 201}", "version"),
        ("releases?since_date=never", "since_date"),
        ("releases?page=x", "page"),
        (f"releases?environment={'x' * 201}", "environment"),
    ],
)
def test_what_cannot_be_read_is_named(client, member, path, message):
    answer = client.get(f"/api/apps/{member.app.identifier}/{path}", headers=member.headers)

    assert answer.status_code == 400
    assert message in answer.json["error_message"]


def test_a_stranger_finds_no_app(client, member, services):
    other = make_member(services, "mallory@example.com")

    for path in ("releases", "release?version=1"):
        assert client.get(f"/api/apps/{member.app.identifier}/{path}", headers=other.headers).status_code == 404
