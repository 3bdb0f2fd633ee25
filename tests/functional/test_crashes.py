"""The crashes of an app."""

import json
from datetime import timedelta

import pytest

from app.db.models.crash import Crash
from tests.factories import NOON, make_crash, make_member


@pytest.fixture
def crashes(services, member):
    """Three crashes; each is first by another order."""
    return [
        make_crash(services, member.app, occurrences=3, newest=NOON - timedelta(days=10)),
        make_crash(services, member.app, occurrences=1, newest=NOON - timedelta(days=1)),
        make_crash(services, member.app, occurrences=2, newest=NOON, every=timedelta(days=30)),
    ]


def listed(client, member, query: str = "") -> list[str]:
    answer = client.get(f"/api/apps/{member.app.identifier}/crashes{query}", headers=member.headers)
    assert answer.status_code == 200
    return [crash["identifier"] for crash in answer.json["result"]]


def test_a_crash_tells_its_title_its_times_and_its_count(client, services, member):
    crash = make_crash(services, member.app, occurrences=3)

    answer = client.get(f"/api/apps/{member.app.identifier}/crashes", headers=member.headers)

    assert answer.json["result"] == [
        {"identifier": crash.identifier, "title": "NSRangeException in -[Notebook pageAtIndex:]",
         "first_seen": "2018-09-11T12:00:00Z", "last_seen": "2018-09-13T12:00:00Z", "occurrences_count": 3,
         "state": "open", "resolved_in": None, "ignored_until": None, "assignee": None, "regressed_at": None, "users": None}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "order"),
    [
        ("", [2, 1, 0]),
        ("?sort=last_seen", [2, 1, 0]),
        ("?sort=first_seen", [1, 0, 2]),
        ("?sort=occurrences_count", [0, 2, 1]),
    ],
)
def test_crashes_are_sorted_from_high_to_low(client, member, crashes, query, order):
    assert listed(client, member, query) == [crashes[index].identifier for index in order]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?since_date=2018-09-13", [2]),
        ("?since_date=2018-09-12", [2, 1]),
        ("?until_date=2018-09-03", [0, 2]),  # by the last occurrence until then
        ("?since_date=2018-09-01&until_date=2018-09-02", [0]),
        ("?since_date=2018-08-20&until_date=2018-08-30", []),  # between two occurrences of the third
        ("?since_date=2018-09-13T12:00:01Z", []),
        ("?since_date=9999-12-31", []),
        ("?until_date=0001-01-01", []),
        ("?until_date=9999-12-31", [2, 1, 0]),
    ],
)
def test_a_window_of_days_keeps_the_crashes_that_occurred_in_it(client, member, crashes, query, found):
    assert listed(client, member, query) == [crashes[index].identifier for index in found]


def test_crashes_come_in_pages(client, member, crashes):
    first = client.get(f"/api/apps/{member.app.identifier}/crashes?per_page=2&sort=first_seen", headers=member.headers)
    following = client.get(first.headers["Link"].partition(">")[0][1:], headers=member.headers)

    assert len(first.json["result"]) == 2
    assert [crash["identifier"] for crash in following.json["result"]] == [crashes[2].identifier]
    assert listed(client, member, "?per_page=0") == listed(client, member, "?per_page=10001") == listed(client, member)


@pytest.mark.parametrize(
    ("query", "named"),
    [("?sort=title", "sort"), ("?sort=%00", "sort"), ("?since_date=2018-02-30", "since_date"), ("?until_date=x", "until_date"),
     ("?page=one", "page"), ("?per_page=1.5", "per_page"), ("?page=%D9%A3", "page")],
)  # fmt: skip
def test_a_parameter_that_cannot_be_read_is_named(client, member, query, named):
    answer = client.get(f"/api/apps/{member.app.identifier}/crashes{query}", headers=member.headers)

    assert (answer.status_code, answer.json["status"]) == (400, "bad_request")
    assert answer.json["error_message"].startswith(named)


def test_an_unknown_app_and_that_of_others_are_not_found_alike(client, services, member):
    stranger = make_member(services, "mallory@example.com")

    answers = [
        client.get(f"/api/apps/{identifier}/crashes", headers=member.headers)
        for identifier in (stranger.app.identifier, "0" * 24, "nonsense", "%01")
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert {answer.data for answer in answers} == {
        b'{"success":false,"status":"not_found","error_message":"App not found"}'
    }


def test_without_a_token_there_is_nothing_to_see(client, member):
    assert client.get(f"/api/apps/{member.app.identifier}/crashes").status_code == 401


def test_crashes_with_one_title_say_in_the_list_how_they_differ(client, services, member, crashes):
    for crash, caller in zip(crashes[:2], ("-[Notebook open]", "-[Search run]"), strict=True):
        with services.db.write() as session:
            parts = ["type: NSRangeException", "frame: -[Notebook pageAtIndex:]", f"frame: {caller}"]
            session.get_one(Crash, crash.id).why = json.dumps({"rule": "in-app frames", "version": 3, "parts": parts})

    answer = client.get(f"/api/apps/{member.app.identifier}/crashes", headers=member.headers)

    title = "NSRangeException in -[Notebook pageAtIndex:]"
    assert {crash["identifier"]: crash["title"] for crash in answer.json["result"]} == {
        crashes[0].identifier: f"{title}, from -[Notebook open]",
        crashes[1].identifier: f"{title}, from -[Search run]",
        crashes[2].identifier: title,
    }
