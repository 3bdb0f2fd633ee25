"""Invitations: a link that ends, works once, and makes an account for who has none."""

from dataclasses import replace

import pytest
from argon2 import PasswordHasher
from limits.storage import MemoryStorage

from app import create_app
from app.db.models.membership import Role
from app.identity import invitations, users
from app.identity.invitations import NewInvitation
from app.queueing.rate_limit import RateLimit
from tests.console import OWN, press, said, sign_in
from tests.factories import join, make_member

NEW = {"email": "grace@example.com", "password": "staple battery"}


@pytest.fixture
def api(member) -> str:
    return f"/api/apps/{member.app.identifier}/invitations"


@pytest.fixture
def invite(client, member, api):
    """Makes an invitation; returns the path of its link."""

    def made(**wanted) -> str:
        answer = client.post(api, json=wanted, headers=member.headers)
        assert answer.status_code == 201, answer.data
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.json["result"]["url"].removeprefix("http://localhost")

    return made


def roles(client, member) -> dict[str, str]:
    rows = client.get(f"/api/apps/{member.app.identifier}/members", headers=member.headers).json["result"]
    return {row["email"]: row["role"] for row in rows}


def test_who_has_no_account_gets_one_and_is_signed_in(client, member, invite):
    link = invite(role="viewer", email="grace@example.com")
    assert "Notes" in client.get(link).text

    answer = client.post(link, data=NEW, headers=OWN)

    assert "You are a viewer of Notes now" in said(client, answer)
    assert roles(client, member) == {"ada@example.com": "owner", "grace@example.com": "viewer"}


def test_a_link_works_once(client, member, invite):
    link = invite(email="grace@example.com")
    client.post(link, data=NEW, headers=OWN)
    client.post("/sign-out", headers=OWN)
    client.delete_cookie("crashq")

    again = client.post(link, data={"email": "other@example.com", "password": "staple battery"}, headers=OWN)

    assert again.status_code == client.get(link).status_code == 410
    assert "has been used or has run out" in again.text
    assert "other@example.com" not in roles(client, member)


def test_who_is_signed_in_joins_by_a_button(client, services, member, invite):
    bob = make_member(services, "bob@example.com")
    link = invite()
    sign_in(client, bob)

    assert "bob@example.com" in client.get(link).text
    assert "You are a member of Notes now" in said(client, client.post(link, headers=OWN))
    assert roles(client, member)["bob@example.com"] == "member"


def test_who_has_an_account_joins_with_its_password_only(client, services, member, invite):
    make_member(services, "grace@example.com")
    link = invite()

    wrong = client.post(link, data=NEW, headers=OWN)
    right = client.post(link, data={**NEW, "password": "correct horse battery staple"}, headers=OWN)

    assert (wrong.status_code, right.status_code) == (401, 303)
    assert roles(client, member)["grace@example.com"] == "member"


def test_a_link_for_nobody_in_particular_makes_no_account(client, services, member, invite):
    link = invite()

    answer = client.post(link, data=NEW, headers=OWN)

    assert answer.status_code == 401
    assert [user.email for user in users.list_users(services, 10, 0)] == ["ada@example.com"]
    assert client.get(link).status_code == 200


def test_who_is_too_late_gets_no_account(client, services, member, api, invite, monkeypatch):
    link = invite(email="grace@example.com")
    [made] = client.get(api, headers=member.headers).json["result"]
    compute = PasswordHasher.hash

    def end_meanwhile(*given):
        monkeypatch.undo()
        invitations.end(services, member.app, made["identifier"])
        return compute(*given)

    monkeypatch.setattr(PasswordHasher, "hash", end_meanwhile)
    assert client.post(link, data=NEW, headers=OWN).status_code == 410
    assert [user.email for user in users.list_users(services, 10, 0)] == ["ada@example.com"]


def test_over_the_limit_of_logins_no_account_is_made(services, member):
    limited = replace(services.config, wrong_passwords_per_minute=1)
    client = create_app(replace(services, config=limited, rate_limit=RateLimit(MemoryStorage()))).test_client()
    client.post("/api/login", json=NEW)
    wanted = NewInvitation(email=NEW["email"])
    _, secret = invitations.invite(services, member.app, wanted, member.user_id)

    assert client.post(f"/invitations/{secret}", data=NEW, headers=OWN).status_code == 429
    assert [user.email for user in users.list_users(services, 10, 0)] == ["ada@example.com"]
    assert client.get(f"/invitations/{secret}").status_code == 200


def test_a_link_for_one_email_is_for_no_other(client, services, member, invite):
    mallory = make_member(services, "mallory@example.com")
    link = invite(email="Grace@example.com", role="owner")
    sign_in(client, mallory)

    refused = client.post(link, headers=OWN)
    client.delete_cookie("crashq")
    client.post(link, data={**NEW, "email": "mallory@example.com"}, headers=OWN)

    assert refused.status_code == 400
    assert roles(client, member) == {"ada@example.com": "owner", "grace@example.com": "owner"}


def test_a_link_ends_with_its_time_by_its_owner_and_with_who_made_it(client, services, clock, member, api, invite):
    lowered = join(services, "bob@example.com", member.app, Role.OWNER)
    of_bob = invitations.invite(services, member.app, NewInvitation(), lowered.user_id)[1]
    ended, late = invite(email="grace@example.com"), invite(expires_in_days=1)
    listed = client.get(api, headers=member.headers).json["result"]
    assert all("url" not in one for one in listed)

    [of_grace] = [one["identifier"] for one in listed if one["email"]]
    client.delete(f"{api}/{of_grace}", headers=member.headers)
    users.disable(services, lowered.email)
    clock.advance(days=1, seconds=1)

    for link in (ended, late, f"/invitations/{of_bob}", "/invitations/x", f"/invitations/{'x' * 300}"):
        assert client.get(link).status_code == 410, link
    assert client.delete(f"{api}/x", headers=member.headers).status_code == 404


def test_a_form_of_another_site_is_refused(client, invite):
    for headers in ({"Origin": "https://evil.example.com"}, {}):
        assert client.post(invite(), data=NEW, headers=headers).status_code == 401


@pytest.mark.parametrize(
    "body", [{"role": "admin"}, {"email": "x"}, {"expires_in_days": 0}, {"expires_in_days": 31}, {"more": 1}]
)
def test_what_makes_no_sense_is_refused(client, member, api, body):
    assert client.post(api, json=body, headers=member.headers).status_code == 400


def test_the_page_of_members_shows_a_link_once_and_ends_invitations(client, member, api):
    sign_in(client, member)
    page = f"/apps/{member.app.identifier}/settings/members"

    shown = press(client, f"{page}/invite", invited="grace@example.com", invited_role="viewer")
    [one] = client.get(api, headers=member.headers).json["result"]

    assert "http://localhost/invitations/" in shown.text
    assert (one["email"], one["role"]) == ("grace@example.com", "viewer")
    assert "http://localhost/invitations/" not in client.get(page).text
    assert press(client, f"{page}/invite", invited="x").status_code == 400
    assert "has ended" in said(client, press(client, f"{page}/invitations/{one['identifier']}/end"))
    assert client.get(api, headers=member.headers).json["result"] == []
