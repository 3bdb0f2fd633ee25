"""Saved views: each user names lists of crashes for themselves."""

import pytest

from tests.console import Page, press, sign_in
from tests.erasing import ADA, BOB, erased
from tests.factories import join, make_member


@pytest.fixture
def url(member):
    return f"/api/apps/{member.app.identifier}/views"


def save(client, who, url, name="Production", query=None):
    query = {"environment": "production", "sort": "users"} if query is None else query
    return client.post(url, json={"name": name, "query": query}, headers=who.headers)


def test_a_view_is_saved_listed_and_removed_by_its_user_alone(client, services, member, url):
    other = join(services, "bob@example.com", member.app)

    saved = save(client, member, url)
    again = save(client, member, url)
    save(client, other, url)
    listed = client.get(url, headers=member.headers).json["result"]
    identifier = saved.json["result"]["identifier"]
    foreign = client.delete(f"{url}/{identifier}", headers=other.headers)
    gone = [client.delete(f"{url}/{identifier}", headers=member.headers).status_code for _ in range(2)]

    assert (saved.status_code, again.status_code) == (201, 409)
    assert listed == [saved.json["result"]]
    assert listed[0]["query"] == {"environment": "production", "sort": "users"}
    assert (foreign.status_code, gone) == (404, [200, 404])
    assert client.get(url, headers=make_member(services, "eve@example.com").headers).status_code == 404


@pytest.mark.parametrize(
    ("name", "query", "named"),
    [
        ("", {}, "name"),
        ("x", {"serach": "a"}, "'serach' is no parameter"),
        ("x", {"kind": "bug"}, "kind is not one of"),
        ("x", {"search": "verison:2"}, "verison is not understood"),
        ("x", {"app_version": "a" * 201}, "more than 200"),
        ("x", {"app_version": "\x00"}, "cannot be stored"),
    ],
)
def test_a_view_that_is_no_list_is_refused(client, member, url, name, query, named):
    answer = save(client, member, url, name, query)

    assert answer.status_code == 400
    assert named in answer.json["error_message"]


def test_the_console_saves_opens_and_removes_a_view(client, member):
    app = f"/apps/{member.app.identifier}"
    browser, path = sign_in(client, member), f"{app}/crashes?kind=anr&search=cart"
    [form] = [
        one["action"] for one in Page(browser.get(path).text).all("form") if "/views?" in (one.get("action") or "")
    ]

    press(browser, form, name="Hangs <b>")
    saved = Page(browser.get(f"{app}/crashes").text)
    [opens] = [one["href"] for one in saved.all("a") if "kind=anr" in (one["href"] or "")]
    [removal] = [one["action"] for one in saved.all("form") if (one.get("action") or "").endswith("/remove")]
    opened = browser.get(opens)
    press(browser, removal)

    assert "Hangs <b>" in saved.text
    assert {one["name"]: one.get("value") for one in Page(opened.text).all("input")}["search"] == "cart"
    assert "Hangs" not in Page(browser.get(f"{app}/crashes").text).text


def test_an_erasure_takes_views_that_search_for_the_user(client, services, clock, member, url):
    for name, query in (("a", {"user_id": ADA}), ("b", {"search": f"user:{ADA}"}), ("c", {"search": f"user:{BOB}"})):
        save(client, member, url, name, query)

    erased(services, clock, member)

    assert [one["name"] for one in client.get(url, headers=member.headers).json["result"]] == ["c"]
