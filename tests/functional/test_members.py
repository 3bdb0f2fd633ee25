"""Members of an app: listed, added, given another role, removed."""

from dataclasses import replace

import pytest
from limits.storage import MemoryStorage

from app import create_app
from app.db.models.membership import Role
from app.errors import Conflict
from app.identity import users
from app.queueing.rate_limit import RateLimit
from tests.console import press, sign_in
from tests.factories import join, make_member


@pytest.fixture
def path(member) -> str:
    return f"/api/apps/{member.app.identifier}/members"


def emails(client, member, path) -> list[str]:
    return [one["email"] for one in client.get(path, headers=member.headers).json["result"]]


def test_a_user_who_is_added_sees_the_app(client, services, member, path):
    bob = make_member(services, "bob@example.com", "Their own")

    answer = client.post(path, json={"email": " Bob@Example.com "}, headers=member.headers)

    assert (answer.status_code, answer.json["result"]) == (201, {"email": "bob@example.com", "role": "member"})
    assert emails(client, bob, path) == ["ada@example.com", "bob@example.com"]


def test_a_member_who_is_removed_sees_the_app_no_more(client, services, member, path):
    bob = join(services, "bob@example.com", member.app)

    answer = client.delete(f"{path}/BOB@example.com", headers=member.headers)

    assert (answer.status_code, answer.json) == (200, {"success": True})
    assert client.get(path, headers=bob.headers).status_code == 404
    assert client.post(f"/api/apps/{member.app.identifier}/logs", data=b"x", headers=bob.headers).status_code == 404
    assert emails(client, member, path) == ["ada@example.com"]


def test_the_last_owner_cannot_go_or_be_lowered(client, services, member, path):
    join(services, "bob@example.com", member.app, Role.MEMBER)

    for method, body in (("DELETE", None), ("PATCH", {"role": "viewer"}), ("PATCH", {"role": "member"})):
        answer = client.open(f"{path}/{member.email}", method=method, json=body, headers=member.headers)
        assert (answer.status_code, answer.json["status"]) == (409, "conflict")
    assert client.get(path, headers=member.headers).json["result"] == [
        {"email": "ada@example.com", "role": "owner"}, {"email": "bob@example.com", "role": "member"},
    ]  # fmt: skip


def test_an_owner_who_makes_somebody_else_one_may_be_lowered(client, services, member, path):
    bob = join(services, "bob@example.com", member.app, Role.VIEWER)

    raised = client.patch(f"{path}/Bob@example.com", json={"role": "owner"}, headers=member.headers)
    lowered = client.patch(f"{path}/{member.email}", json={"role": "viewer"}, headers=bob.headers)

    assert raised.json["result"] == {"email": "bob@example.com", "role": "owner"}
    assert lowered.json["result"] == {"email": "ada@example.com", "role": "viewer"}
    assert client.delete(f"{path}/{bob.email}", headers=member.headers).json["status"] == "forbidden"


def test_a_disabled_owner_is_no_owner_who_could_stay(client, services, member, path):
    bob = join(services, "bob@example.com", member.app, Role.OWNER)
    users.disable(services, bob.email)

    assert client.delete(f"{path}/{member.email}", headers=member.headers).status_code == 409
    with pytest.raises(Conflict):
        users.remove(services, member.email)
    assert client.delete(f"{path}/{bob.email}", headers=member.headers).status_code == 200


@pytest.mark.parametrize("role", [Role.VIEWER, Role.MEMBER])
def test_a_member_leaves_and_removes_nobody_else(client, services, member, path, role):
    bob = join(services, "bob@example.com", member.app, role)
    sign_in(client, bob)
    page = f"/apps/{member.app.identifier}/settings/members"

    assert client.delete(f"{path}/{member.email}", headers=bob.headers).status_code == 403
    assert client.get(page).text.count(f'action="{page}/remove"') == 1
    assert press(client, f"{page}/remove", email=member.email).status_code == 403
    assert client.delete(f"{path}/Bob@example.com", headers=bob.headers).status_code == 200
    assert emails(client, member, path) == ["ada@example.com"]


def test_who_looks_for_accounts_is_slowed_down(services, member, path):
    make_member(services, "bob@example.com", "Maps")
    config = replace(services.config, wrong_passwords_per_minute=2)
    limited = create_app(replace(services, config=config, rate_limit=RateLimit(MemoryStorage()))).test_client()
    emails = ("bob@example.com", "a@example.com", "b@example.com", "c@example.com")

    answers = [limited.post(path, json={"email": email}, headers=member.headers) for email in emails]

    assert [answer.status_code for answer in answers] == [201, 404, 404, 429]
    assert "owners invite people" in answers[1].json["error_message"]


def test_they_are_listed_in_pages(client, services, member, path):
    for name in ("c", "b", "d"):
        join(services, f"{name}@example.com", member.app)

    first = client.get(f"{path}?per_page=3", headers=member.headers)
    rest = client.get(first.headers["Link"].partition(">")[0][1:], headers=member.headers)

    assert [one["email"][0] for one in first.json["result"] + rest.json["result"]] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("body", "status"),
    [({"email": "nobody@example.com"}, 404), ({"email": "ada@example.com"}, 409), ({"email": ""}, 400), ({}, 400),
     ({"email": 5}, 400), ({"email": "a\0@example.com"}, 404), ({"email": "\ud800@example.com"}, 404), ([], 400),
     ({"email": "bob@example.com", "role": "admin"}, 400), ({"email": "x" * 300 + "@example.com"}, 404)],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(client, member, path, body, status):
    answer = client.post(path, json=body, headers=member.headers)

    assert answer.status_code == status
    assert list(answer.json) == ["success", "status", "error_message"]
    assert emails(client, member, path) == [member.email]


@pytest.mark.parametrize("email", ["nobody@example.com", "%00", "%FF", "x" * 400, "mallory@example.com"])
def test_a_user_who_is_no_member_cannot_be_removed(client, services, member, path, email):
    make_member(services, "mallory@example.com")

    assert client.delete(f"{path}/{email}", headers=member.headers).status_code == 404


def test_nobody_but_members_sees_or_changes_them(client, services, member, path):
    stranger = make_member(services, "mallory@example.com")

    for method, address in (("GET", path), ("POST", path), ("DELETE", f"{path}/{member.email}")):
        body = {"email": stranger.email}
        assert client.open(address, method=method, json=body, headers=stranger.headers).status_code == 404
        assert client.open(address, method=method, json=body, headers=member.sender).status_code == 401
        assert client.open(address, method=method, json=body).status_code == 401
    assert emails(client, member, path) == [member.email]
