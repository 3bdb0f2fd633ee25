"""Rules of an app, for redaction and for grouping, set on pages of the console."""

import pytest

from app.crashes.splitting import BY, CONDITIONS
from app.web.console.pages import settings_grouping
from tests.console import HOSTILE, Page, press, said, sign_in
from tests.uploads import digested


@pytest.fixture
def path(client, member) -> str:
    sign_in(client, member)
    return f"/apps/{member.app.identifier}/settings"


def rules(**more) -> dict:
    return {
        "patterns": ["email", "token"],
        "regexes": "staff = S-[0-9]+\n\nticket=T=[0-9]",
        "fields": "user.email\nuser_id",
        **more,
    }


def test_rules_are_set_as_the_form_says_and_shown_again(client, path):
    saved = said(client, press(client, f"{path}/redaction", do="save", **rules(raw_log="yes")))

    assert "Saved." in saved
    assert client.get(f"/api{path}").json["result"]["redaction"] == {
        "patterns": ["email", "token"],
        "regexes": [{"name": "staff", "regex": "S-[0-9]+"}, {"name": "ticket", "regex": "T=[0-9]"}],
        "fields": ["user.email", "user_id"],
        "raw_log": True,
    }
    page = Page(client.get(f"{path}/redaction").text)
    assert [one["value"] for one in page.all("input") if one.get("name") == "patterns" and "checked" in one] == [
        "email",
        "token",
    ]
    assert "staff = S-[0-9]+\nticket = T=[0-9]" in page.text
    press(client, f"{path}/redaction", do="save", regexes="", fields="")
    assert client.get(f"/api{path}").json["result"]["redaction"] is None


def test_rules_are_tried_and_nothing_is_set(client, path):
    answer = press(client, f"{path}/redaction", do="try", text=f"ada@example.com S-12 {HOSTILE}", **rules())

    page = Page(answer.text)
    assert answer.status_code == 200
    assert f"[email] [staff] {HOSTILE}" in page.text
    assert page.all("img") == []
    assert client.get(f"/api{path}").json["result"]["redaction"] is None


@pytest.mark.parametrize(
    ("fields", "where", "sentence"),
    [({"regexes": "staff = ("}, "regexes", "RE2"), ({"regexes": "staff"}, "regexes", "name = pattern"),
     ({"regexes": "a b = x"}, "regexes", "A name has"), ({"regexes": "any = .*"}, "regexes", "finds the empty text"),
     ({"fields": "user..email"}, "fields", "A path looks like"), ({"fields": "crash.title"}, "fields", "no text of a report")],
)  # fmt: skip
@pytest.mark.parametrize("do", ["save", "try"])
def test_a_rule_that_makes_no_sense_is_told_beside_its_field(client, path, fields, where, sentence, do):
    answer = press(client, f"{path}/redaction", do=do, text="x", **fields)

    page = Page(answer.text)
    assert answer.status_code == 400
    assert sentence in page.text
    assert [one["name"] for one in page.all("textarea") if one.get("aria-invalid")] == [where]
    assert fields[where] in page.text
    assert client.get(f"/api{path}").json["result"]["redaction"] is None


def test_a_rule_splits_a_group_and_stored_logs_are_grouped_anew(client, member, path, run_workers):
    log = digested(client, member, run_workers)
    before = log["occurrences"][0]["crash_identifier"]

    made = said(client, press(client, f"{path}/grouping", name="taps", message="unrecognized*", by="app_version"))
    run_workers()

    assert "The rule is made" in made
    assert "under way" in made
    assert client.get(f"/api{path}").json["result"]["splits"] == [
        {"name": "taps", "by": "app_version", "message": "unrecognized*"}
    ]
    now = client.get(f"/api/apps/{member.app.identifier}/logs/{log['log_id']}").json["result"]["occurrences"]
    assert now[0]["crash_identifier"] != before
    shown = Page(client.get(f"{path}/grouping").text).text
    assert "a group of each version of the app" in shown
    assert "under way" not in shown


def test_a_rule_is_taken_away(client, path):
    for name in ("one", "two"):
        press(client, f"{path}/grouping", name=name, os_name="iOS")

    both = Page(client.get(f"{path}/grouping").text).text

    press(client, f"{path}/grouping/remove", name="one")

    assert both.count("one group of their own") == 3  # with the form's
    assert [rule["name"] for rule in client.get(f"/api{path}").json["result"]["splits"]] == ["two"]


def test_stored_logs_are_grouped_anew_when_asked(client, member, path, run_workers):
    digested(client, member, run_workers)

    assert "It has begun." in said(client, press(client, f"{path}/grouping/regroup"))
    run_workers()

    assert client.get(f"/api/apps/{member.app.identifier}/regroup").json["result"]["state"] == "finished"


@pytest.mark.parametrize(
    ("fields", "where"),
    [({"name": "", "os_name": "iOS"}, "name"), ({"name": "a b", "os_name": "iOS"}, "name"), ({"name": "taps"}, "type"),
     ({"name": "taps", "message": "x" * 201}, "message"), ({"name": HOSTILE, "os_name": HOSTILE}, "name")],
)  # fmt: skip
def test_a_rule_that_makes_no_sense_is_refused_beside_its_field(client, path, fields, where):
    answer = press(client, f"{path}/grouping", **fields)

    page = Page(answer.text)
    assert answer.status_code == 400
    assert [one["name"] for one in page.all("input") if one.get("aria-invalid")] == [where]
    assert page.all("img") == []
    assert client.get(f"/api{path}").json["result"]["splits"] == []


def test_the_form_of_a_rule_has_all_that_rules_can_say():
    assert {by for by, _ in settings_grouping.APART} == {"", *BY}
    assert set(settings_grouping.LABELS) == set(CONDITIONS)
