"""Crashes are found by facts of their occurrences, and counted by these, from figures (both databases)."""

import json

import pytest
from sqlalchemy import delete, update

from app.catalog import CrashQuery, crash_page
from app.db.models.crash import Crash
from app.db.models.crash_figure import CrashFigure
from app.db.queries import finding
from app.errors import BadParameters
from tests.places import crashes_of_places
from tests.statements import statements


@pytest.fixture
def crashes(services, member, run_workers):
    return crashes_of_places(services, member, run_workers)


def found(services, member, **query: str) -> list[tuple[str, int]]:
    """(place, occurrences) in the order of the list."""
    with services.db.read() as session:
        page = crash_page(session, member.app.id, CrashQuery.read(query), 11, 0, member.user_id)
    return [(one.crash.title.partition("Exception")[0], one.match.occurrences_count) for one in page.shown]


SINGLE = [
    ({"app_version": "1.0"}, [("Search", 1), ("Cart", 1), ("Login", 2)]),
    ({"app_version": "1.1"}, [("Cart", 3), ("Login", 1)]),
    ({"app_version": "9"}, []),
    ({"os_name": "iOS"}, [("Cart", 4)]),
    ({"os_version": "17.1"}, [("Cart", 3)]),
    ({"os_version": "17"}, []),
    ({"search": "os:ios17"}, [("Cart", 3)]),
    ({"search": "os:17"}, [("Cart", 3)]),
    ({"search": "os:1"}, []),
    ({"device_model": "iPhone9,4"}, [("Cart", 4)]),
    ({"environment": "production"}, [("Search", 1), ("Login", 1), ("Cart", 1)]),
    ({"kind": "non_fatal"}, [("Login", 1)]),
    ({"handled": "false"}, [("Search", 1), ("Cart", 4), ("Login", 2)]),
    ({"kind": "crash", "handled": "false"}, [("Search", 1), ("Cart", 4), ("Login", 2)]),
    ({"search": "is:handled kind:crash"}, []),
    ({"user_id": "ada"}, [("Cart", 4)]),
    ({"tag": "screen:cart"}, [("Login", 1), ("Cart", 1)]),
    ({"search": "tag.screen:cart login"}, [("Login", 1)]),
    ({"search": "env:production", "sort": "occurrences_count"}, [("Search", 1), ("Cart", 1), ("Login", 1)]),
    ({"app_version": "1.1", "sort": "first_seen", "order": "asc"}, [("Cart", 3), ("Login", 1)]),
    ({"app_version": "1.1", "since_date": "2018-09-11"}, [("Cart", 1), ("Login", 1)]),
    ({"app_version": "1.1", "until_date": "2018-09-11"}, [("Login", 1), ("Cart", 2)]),
    ({"app_version": "1.1", "environment": "production"}, [("Login", 1), ("Cart", 1)]),
    ({"app_version": "1.1", "user_id": "ada"}, [("Cart", 3)]),
    ({"app_version": "1.0", "sort": "users"}, [("Login", 2), ("Cart", 1), ("Search", 1)]),
    ({"sort": "users"}, [("Login", 3), ("Cart", 4), ("Search", 1)]),
    ({"sort": "users", "since_date": "2018-09-09"}, [("Cart", 3), ("Login", 1), ("Search", 1)]),
    ({"sort": "occurrences_count", "since_date": "2018-09-12"}, [("Search", 1), ("Cart", 1)]),
    ({"since_date": "2018-09-11"}, [("Search", 1), ("Cart", 1), ("Login", 1)]),
    ({"until_date": "2018-09-08", "sort": "occurrences_count"}, [("Login", 2), ("Cart", 1)]),
]


def test_a_fact_and_a_time_are_answered_from_figures_alone(services, member, crashes):
    with statements(services) as sent:
        for query, expected in SINGLE:
            assert (query, found(services, member, **query)) == (query, expected)

    assert not any("FROM occurrences" in statement for statement, _ in sent if "seen_at" not in statement)


COMBINED = [
    ({"kind": "crash", "environment": "production"}, [("Search", 1), ("Cart", 1)]),
    ({"search": "version:1.1 os:ios user:ada", "since_date": "2018-09-10"}, [("Cart", 2)]),
    ({"tag": "screen:cart", "handled": "true"}, [("Login", 1)]),
    ({"search": "tag.screen:cart tag.screen:pay"}, []),
    ({"handled": "false", "sort": "users"}, [("Login", 2), ("Cart", 4), ("Search", 1)]),
]


def test_a_combination_is_answered_by_occurrences(services, member, crashes):
    for query, expected in COMBINED:
        assert (query, found(services, member, **query)) == (query, expected)


def test_crashes_whose_figures_are_not_complete_are_counted_by_occurrences(services, member, crashes):
    with services.db.write() as session:
        session.execute(update(Crash).where(Crash.title.startswith("Cart")).values(figures_revision=-1))
        session.execute(delete(CrashFigure).where(CrashFigure.crash_id == crashes["Cart"].id))

    for query, expected in SINGLE + COMBINED:
        assert (query, found(services, member, **query)) == (query, expected)


def test_a_combination_that_would_read_too_many_occurrences_is_refused(services, member, crashes, monkeypatch):
    monkeypatch.setattr(finding, "MOST_READ", 6)
    combination = {"tag": "screen:cart", "environment": "production"}

    with pytest.raises(BadParameters, match="7 occurrences here, more than 6: choose a shorter time, or one filter"):
        found(services, member, **combination)
    assert found(services, member, **combination, since_date="2018-09-11") == [("Login", 1)]


def test_an_order_by_users_of_too_many_occurrences_is_refused(services, member, crashes, monkeypatch):
    monkeypatch.setattr(finding, "MOST_USERS_READ", 7)

    with pytest.raises(BadParameters, match=r"sort: the users of 8 occurrences .*choose a shorter time"):
        found(services, member, sort="users")
    assert found(services, member, sort="users", since_date="2018-09-12")


def test_times_of_a_list_are_of_the_chosen_occurrences_to_the_day(client, services, member, crashes):
    answer = client.get(f"/api/apps/{member.app.identifier}/crashes?app_version=1.0&sort=users", headers=member.headers)
    by_day = client.get(f"/api/apps/{member.app.identifier}/crashes?app_version=1.0", headers=member.headers)

    assert [one["users"] for one in answer.json["result"]] == [2, 1, 0]
    assert [one["users"] for one in by_day.json["result"]] == [None] * 3
    cart = next(one for one in by_day.json["result"] if one["title"].startswith("Cart"))
    assert (cart["first_seen"], cart["last_seen"]) == ("2018-09-08T12:00:00Z", "2018-09-08T23:59:59Z")
    assert json.dumps(cart).count("occurrences_count") == 1
