"""The crashes of an app, searched, filtered and reversed."""

from datetime import timedelta

import pytest

from app.db.models.crash import Crash
from tests.factories import NOON, make_crash


@pytest.fixture
def crashes(services, member):
    """Three crashes: the last was first seen long before the others."""
    made = [
        make_crash(services, member.app, occurrences=3, newest=NOON - timedelta(days=10)),
        make_crash(services, member.app, occurrences=1, newest=NOON - timedelta(days=1)),
        make_crash(services, member.app, occurrences=2, newest=NOON, every=timedelta(days=30)),
    ]
    titles = ["NSRangeException in -[Notebook pageAtIndex:]", "SIGSEGV in ada@example.com", "NSRangeException in draw"]
    with services.db.write() as session:
        for crash, title in zip(made, titles, strict=True):
            session.get_one(Crash, crash.id).title = title
    return made


def listed(client, member, query: str) -> list[str]:
    answer = client.get(f"/api/apps/{member.app.identifier}/crashes{query}", headers=member.headers)
    assert answer.status_code == 200
    return [crash["identifier"] for crash in answer.json["result"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?search=nsrange", [2, 0]),
        ("?search=DRAW+nsrange", [2]),
        ("?search=pageAtIndex:%5D", [0]),
        ("?search=%25", []),
        ("?search=", [2, 1, 0]),
        ("?order=asc", [0, 1, 2]),
        ("?sort=occurrences_count&order=asc", [1, 2, 0]),
        ("?sort=first_seen&order=desc", [1, 0, 2]),
        ("?first_seen_since=2018-09-01", [1, 0]),
        ("?first_seen_until=2018-09-01", [2, 0]),
        ("?first_seen_since=2018-09-01&first_seen_until=2018-09-01", [0]),
        ("?last_seen_since=2018-09-12", [2, 1]),
        ("?last_seen_until=2018-09-12", [1, 0]),
        ("?last_seen_since=2018-09-12T12:00:01Z&search=nsrange", [2]),
    ],
)
def test_a_list_holds_what_is_wanted_in_the_order_that_is_wanted(client, member, crashes, query, found):
    assert listed(client, member, query) == [crashes[index].identifier for index in found]


def test_a_searched_list_comes_in_pages(client, member, crashes):
    first = client.get(
        f"/api/apps/{member.app.identifier}/crashes?per_page=1&search=nsrange&order=asc", headers=member.headers
    )
    following = client.get(first.headers["Link"].partition(">")[0][1:], headers=member.headers)

    assert [crash["identifier"] for crash in first.json["result"]] == [crashes[0].identifier]
    assert [crash["identifier"] for crash in following.json["result"]] == [crashes[2].identifier]
    assert "Link" not in following.headers


def test_what_is_taken_out_of_a_title_is_not_found_in_it(client, member, crashes):
    client.patch(f"/api/apps/{member.app.identifier}/settings", json={"redaction": {"patterns": ["email"]}},
                 headers=member.headers)  # fmt: skip

    assert listed(client, member, "?search=ada@example.com") == []
    assert listed(client, member, "?search=sigsegv") == [crashes[1].identifier]


def test_no_link_to_a_next_page_tells_what_is_taken_out_of_titles(services, client, member, crashes):
    client.patch(f"/api/apps/{member.app.identifier}/settings", json={"redaction": {"patterns": ["email"]}},
                 headers=member.headers)  # fmt: skip
    with services.db.write() as session:
        for crash in crashes[1:]:
            session.get_one(Crash, crash.id).title = "SIGSEGV in ada@example.com"
    url = f"/api/apps/{member.app.identifier}/crashes"

    hidden = client.get(f"{url}?search=ada@exa&per_page=1", headers=member.headers)
    shown = client.get(f"{url}?search=sigsegv&per_page=1", headers=member.headers)
    following = client.get(f"{url}?search=sigsegv&per_page=1&page=2", headers=member.headers)

    assert (hidden.json["result"], "Link" in hidden.headers) == ([], False)
    assert ([one["identifier"] for one in shown.json["result"]], "Link" in shown.headers) == (
        [crashes[2].identifier],
        True,
    )
    assert [one["identifier"] for one in following.json["result"]] == [crashes[1].identifier]
    assert "Link" not in following.headers


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("?order=up", "order"),
        ("?search=%00", "search"),
        ("?search=a%0Ab", "search"),
        (f"?search={'x' * 201}", "search"),
        ("?search=" + "+".join(f"w{n}" for n in range(11)), "search"),
        ("?first_seen_since=x", "first_seen_since"),
        ("?last_seen_until=2018-02-30", "last_seen_until"),
    ],
)
def test_a_parameter_that_cannot_be_read_is_named(client, member, query, named):
    answer = client.get(f"/api/apps/{member.app.identifier}/crashes{query}", headers=member.headers)

    assert (answer.status_code, answer.json["status"]) == (400, "bad_request")
    assert answer.json["error_message"].startswith(named)
