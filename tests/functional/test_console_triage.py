"""Triage in the console: states, assignees, comments and history of a crash, and many at once in the list."""

from datetime import timedelta

import pytest

from tests.console import HOSTILE, Page, press, said, sign_in
from tests.factories import NOON, join, make_crash


@pytest.fixture
def browser(client, member):
    return sign_in(client, member)


@pytest.fixture
def crash(services, member):
    return make_crash(services, member.app)


def state_of(client, member, crash) -> dict:
    return client.get(f"/api/crashes/{crash.identifier}", headers=member.headers).json["result"]


@pytest.mark.parametrize(
    ("fields", "state", "shown"),
    [
        ({"state": "resolved"}, ("resolved", None, None), "Resolved"),
        ({"state": "resolved", "resolved_in": " 2.4 "}, ("resolved", "2.4", None), "in 2.4"),
        ({"state": "ignored"}, ("ignored", None, None), "for good"),
        ({"state": "ignored", "until": "users", "amount": "10"},
         ("ignored", None, {"date": None, "occurrences": None, "users": 10}), "until 10 more users"),
        ({"state": "ignored", "until": "date", "date": "2018-10-01"},
         ("ignored", None, {"date": "2018-10-01T00:00:00Z", "occurrences": None, "users": None}), "until"),
    ],
)  # fmt: skip
def test_a_form_of_the_page_changes_the_state_which_the_page_shows(browser, member, crash, fields, state, shown):
    answer = press(browser, f"/crashes/{crash.identifier}/state", **fields)

    page = said(browser, answer)
    now = state_of(browser, member, crash)
    assert (now["state"], now["resolved_in"], now["ignored_until"]) == state
    assert shown in page
    assert "Reopen" in page
    assert f"{member.email} {fields['state']} it" in " ".join(page.split())


@pytest.mark.parametrize(
    "fields",
    [{}, {"state": "closed"}, {"state": "resolved", "resolved_in": "next"}, {"state": "ignored", "until": "users"},
     {"state": "ignored", "until": "users", "amount": "-1"}, {"state": "ignored", "until": "weeks", "amount": "1"},
     {"state": "ignored", "until": "date", "date": "2018-09-01"}],
)  # fmt: skip
def test_a_form_that_does_not_fit_is_refused_with_its_reason(browser, member, crash, fields):
    told = said(browser, press(browser, f"/crashes/{crash.identifier}/state", **fields))

    assert "Nothing is changed." in told
    assert state_of(browser, member, crash)["state"] == "open"


def test_assigning_and_commenting_show_who_did_it_and_only_authors_delete(services, client, browser, member, crash):
    other, url = join(services, "carol@example.com", member.app), f"/crashes/{crash.identifier}"

    told = said(browser, press(browser, f"{url}/assignee", assignee=other.email))
    press(browser, f"{url}/comments", text=HOSTILE)
    mine = browser.get(url).text
    sign_in(client, other)
    theirs = client.get(url).text

    assert "Assigned to carol@example.com" in told
    assert HOSTILE not in mine
    assert HOSTILE in Page(mine).text
    [deleting] = [form["action"] for form in Page(mine).all("form") if "/delete" in (form.get("action") or "")]
    assert deleting not in theirs
    assert "no such comment" in said(client, press(client, deleting))
    sign_in(client, member)
    assert HOSTILE not in Page(said(client, press(client, deleting))).text


def test_the_list_is_of_open_crashes_and_changes_those_that_are_selected(services, browser, member, crash):
    other, last = (make_crash(services, member.app, newest=NOON + timedelta(minutes=n)) for n in (1, 2))
    url = f"/apps/{member.app.identifier}/crashes"
    press(browser, f"/crashes/{last.identifier}/state", state="ignored")

    def listed(state: str = "") -> list[str]:
        boxes = Page(browser.get(f"{url}?state={state}").text).all("input")
        return [box["value"] for box in boxes if box.get("name") == "identifiers"]

    assert listed() == listed("open") == [other.identifier, crash.identifier]
    answer = press(
        browser, f"{url}/triage?search=a&page=1", do="resolve", identifiers=[other.identifier, last.identifier, "x"]
    )
    assert answer.location == f"{url}?search=a&page=1"
    assert "2 crashes are resolved. 1 is gone." in said(browser, answer)
    assert listed() == [crash.identifier]
    assert listed("resolved") == [last.identifier, other.identifier]
    assert "Select a crash first" in said(browser, press(browser, f"{url}/triage", do="open"))
    press(browser, f"{url}/triage", do="assign", assignee=member.email, identifiers=[last.identifier])
    assert state_of(browser, member, last)["assignee"] == member.email


def test_a_list_without_open_crashes_does_not_say_that_there_are_none(browser, member, crash):
    press(browser, f"/crashes/{crash.identifier}/state", state="resolved")

    page = browser.get(f"/apps/{member.app.identifier}/crashes").text

    assert "No crash fits" in page
    assert "No crashes yet" not in page
