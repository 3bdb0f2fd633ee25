"""States, assignees, comments and history of crashes over HTTP: one by one, many at once, and what is refused."""

from datetime import timedelta

import pytest
from sqlalchemy import delete

from app.db.models.user import User
from app.triage.changes import MOST_AT_ONCE
from tests.factories import NOON, join, make_crash, make_member

LATER = NOON + timedelta(minutes=1)


@pytest.fixture
def crash(services, member):
    return make_crash(services, member.app)


@pytest.fixture
def ask(client, member):
    """Ask as a member: method, path and body; returns (status, result or message)."""

    def send(method, path, body=None, who=None):
        answer = getattr(client, method)(path, json=body, headers=(who or member).headers)
        return answer.status_code, answer.json.get("result", answer.json.get("error_message"))

    return send


def test_a_member_resolves_assigns_comments_and_all_of_it_is_told(services, member, crash, ask, clock):
    url = f"/api/crashes/{crash.identifier}"
    join(services, "carol@example.com", member.app)

    _, changed = ask("patch", url, {"state": "resolved", "resolved_in": "2.4", "assignee": "Carol@example.com"})
    clock.advance(seconds=1)
    status, said = ask("post", f"{url}/comments", {"text": "  Only on tablets\r\n<b>twice</b>  "})

    assert (changed["state"], changed["resolved_in"], changed["assignee"]) == ("resolved", "2.4", "carol@example.com")
    assert changed["state_changed_at"] == "2018-09-13T12:00:00Z"
    assert (status, said["text"], said["author"]) == (201, "Only on tablets\n<b>twice</b>", member.email)
    assert ask("get", f"{url}/comments") == (200, [said])
    _, history = ask("get", f"{url}/history")
    assert [(one["action"], one["user"], one["version"], one["assignee"], one["comment"]) for one in history] == [
        ("commented", member.email, None, None, said["text"]),
        ("assigned", member.email, None, "carol@example.com", None),
        ("resolved", member.email, "2.4", None, None),
    ]
    [listed] = ask("get", f"/api/apps/{member.app.identifier}/crashes?state=resolved")[1]
    assert {**changed, **listed, "users": None} == {**changed, "users": None}


def test_only_what_is_given_changes_and_the_same_again_changes_nothing(crash, ask):
    url = f"/api/crashes/{crash.identifier}"
    ask("patch", url, {"state": "ignored", "ignored_until": {"users": 5}})

    _, assigned = ask("patch", url, {"assignee": "ada@example.com"})
    ask("patch", url, {"assignee": "ada@example.com"})
    assert (assigned["state"], assigned["ignored_until"]) == (
        "ignored", {"date": None, "occurrences": None, "users": 5}
    )  # fmt: skip
    _, opened = ask("patch", url, {"state": "open", "assignee": None})
    ask("patch", url, {"state": "open", "assignee": None})

    assert (opened["state"], opened["ignored_until"], opened["assignee"]) == ("open", None, None)
    assert [one["action"] for one in ask("get", f"{url}/history")[1]] == [
        "unassigned", "reopened", "assigned", "ignored"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, "Nothing"), ({"state": "closed"}, "state"), ({"state": None}, "state"), ({"resolved_in": "2"}, "resolved_in"),
        ({"state": "open", "resolved_in": "2"}, "resolved_in"), ({"state": "resolved", "resolved_in": " "}, "resolved_in"),
        ({"state": "resolved", "resolved_in": "a\0"}, "resolved_in"),
        ({"state": "resolved", "resolved_in": "x" * 129}, "resolved_in"),
        ({"state": "resolved", "resolved_in": "next"}, "resolved_in"),  # no version is known
        ({"state": "resolved", "ignored_until": None}, "ignored_until"),
        ({"state": "ignored", "ignored_until": {}}, "ignored_until"),
        ({"state": "ignored", "ignored_until": {"users": 0}}, "ignored_until.users"),
        ({"state": "ignored", "ignored_until": {"users": 10_001}}, "ignored_until.users"),
        ({"state": "ignored", "ignored_until": {"users": 1, "occurrences": 1}}, "ignored_until"),
        ({"state": "ignored", "ignored_until": {"date": "2018-09-13"}}, "ignored_until.date"),
        ({"state": "ignored", "ignored_until": {"date": "soon"}}, "ignored_until.date"),
        ({"state": "resolved", "assignee": "mallory@example.com"}, "assignee"),
        ({"state": "resolved", "assignee": "a\0"}, "assignee"),
        ({"state": "resolved", "more": 1}, "more"), ({"state": "resolved", "assignee": 5}, "assignee"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_name_and_changes_nothing(services, member, crash, ask, body, names):
    make_member(services, "mallory@example.com")

    for path, given in (
        (f"/api/crashes/{crash.identifier}", body),
        (f"/api/apps/{member.app.identifier}/crashes", {"identifiers": [crash.identifier], **body}),
    ):
        status, message = ask("patch", path, given)
        assert (status, message.split(":")[0].split(" ")[0]) == (400, names)

    assert ask("get", f"/api/crashes/{crash.identifier}")[1]["state"] == "open"
    assert ask("get", f"/api/crashes/{crash.identifier}/history") == (200, [])


def test_many_change_at_once_and_each_identifier_is_reported(services, member, ask):
    one, other = make_crash(services, member.app), make_crash(services, member.app, newest=LATER)
    foreign = make_crash(services, make_member(services, "mallory@example.com").app)
    ask("patch", f"/api/crashes/{other.identifier}", {"state": "ignored"})
    asked = [one.identifier, foreign.identifier, other.identifier, "x", one.identifier]

    status, told = ask(
        "patch", f"/api/apps/{member.app.identifier}/crashes", {"identifiers": asked, "state": "ignored"}
    )

    assert status == 200
    assert [(row["identifier"], row["status"]) for row in told] == [
        (one.identifier, "changed"), (foreign.identifier, "not_found"), (other.identifier, "unchanged"), ("x", "not_found")
    ]  # fmt: skip
    states = {row["identifier"]: row["state"] for row in ask("get", f"/api/apps/{member.app.identifier}/crashes")[1]}
    assert states == {one.identifier: "ignored", other.identifier: "ignored"}


@pytest.mark.parametrize("identifiers", [[], ["0" * 24] * (MOST_AT_ONCE + 1), "x", [5], None])
def test_many_are_so_many_at_most(member, ask, identifiers):
    body = {"identifiers": identifiers, "state": "open"}

    assert ask("patch", f"/api/apps/{member.app.identifier}/crashes", body)[0] == 400


@pytest.mark.parametrize("text", ["", " \n ", "a\0b", "\x1b[2J", "\ud800", "x" * 4_001, 5, None])
def test_a_comment_is_plain_text_that_can_be_read(crash, ask, text):
    assert ask("post", f"/api/crashes/{crash.identifier}/comments", {"text": text})[0] == 400


def test_comments_are_paged_redacted_and_deleted_by_their_authors_only(services, member, crash, ask):
    url, other = f"/api/crashes/{crash.identifier}/comments", join(services, "carol@example.com", member.app)
    ids = [ask("post", url, {"text": f"Seen by x{number}@example.com"})[1]["id"] for number in range(3)]
    ask("patch", f"/api/apps/{member.app.identifier}/settings", {"redaction": {"patterns": ["email"]}})

    assert [one["id"] for one in ask("get", f"{url}?per_page=2&page=2")[1]] == ids[:1]
    assert ask("delete", f"{url}/{ids[0]}", who=other)[0] == 404
    assert ask("delete", f"{url}/{ids[0]}")[0] == 200
    assert [ask("delete", f"{url}/{gone}")[0] for gone in (ids[0], "x", "9" * 30)] == [404, 404, 404]
    assert {one["text"] for one in ask("get", url)[1]} == {"Seen by [email]"}


def test_comments_stay_when_the_account_of_their_author_goes(services, member, crash, ask):
    other = join(services, "carol@example.com", member.app)
    ask("patch", f"/api/crashes/{crash.identifier}", {"assignee": other.email}, who=other)
    ask("post", f"/api/crashes/{crash.identifier}/comments", {"text": "Mine"}, who=other)

    with services.db.write() as session:
        session.execute(delete(User).where(User.id == other.user_id))

    assert [(one["author"], one["text"]) for one in ask("get", f"/api/crashes/{crash.identifier}/comments")[1]] == [
        (None, "Mine")
    ]
    assert ask("get", f"/api/crashes/{crash.identifier}")[1]["assignee"] is None


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("patch", "", {"state": "resolved"}), ("get", "/comments", None), ("post", "/comments", {"text": "a"}),
        ("delete", "/comments/1", None), ("get", "/history", None),
    ],
)  # fmt: skip
def test_a_stranger_is_told_of_nothing(services, crash, ask, method, path, body):
    stranger = make_member(services, "mallory@example.com")

    assert ask(method, f"/api/crashes/{crash.identifier}{path}", body, who=stranger)[0] == 404


def test_the_list_without_a_state_is_of_all_states(services, member, crash, ask):
    make_crash(services, member.app, newest=LATER)
    url = f"/api/apps/{member.app.identifier}/crashes"
    ask("patch", f"/api/crashes/{crash.identifier}", {"state": "resolved"})

    counts = {state: len(ask("get", f"{url}?state={state}")[1]) for state in ("open", "resolved", "ignored", "all", "")}

    assert counts == {"open": 1, "resolved": 1, "ignored": 0, "all": 2, "": 2}
    assert ask("get", f"{url}?state=closed")[0] == 400
