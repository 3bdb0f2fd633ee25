"""Passwords and accounts: changed by their users, chosen behind a link, and users disabled and removed by the operator."""

import pytest
from click.testing import CliRunner

from app.cli import main
from app.db.models.membership import Role
from app.errors import Conflict, NotFound
from app.identity import keys, members, passwords, users
from tests.console import OWN, Page, press, said, sign_in
from tests.factories import PASSWORD, join

NEW = "staple battery horse"


def log_in(client, email: str, password: str) -> int:
    return client.post("/api/login", json={"email": email, "password": password}).status_code


def is_in(client, headers) -> bool:
    return client.get("/api/apps", headers=headers).status_code == 200


def change(client, member, **given):
    return client.post("/api/password", json=given, headers=member.headers)


def test_a_changed_password_ends_the_other_logins_and_no_key(client, services, member):
    other = client.post("/api/login", json={"email": member.email, "password": PASSWORD}).json["result"]["auth_token"]
    _, key = keys.add_personal_key(services, member.user_id, keys.NewKey(name="Script"))

    answer = change(client, member, current_password=PASSWORD, new_password=NEW)

    assert answer.json == {"success": True}
    assert is_in(client, member.headers)
    assert is_in(client, {"Authorization": f"Token {key}"})
    assert not is_in(client, {"Authorization": f"Token {other}"})
    assert (log_in(client, member.email, PASSWORD), log_in(client, member.email, NEW)) == (401, 200)


@pytest.mark.parametrize(
    "given",
    [{}, {"current_password": "wrong", "new_password": NEW}, {"current_password": PASSWORD, "new_password": "short"},
     {"current_password": PASSWORD, "new_password": "x" * 1025}, {"current_password": PASSWORD, "new_password": "\0" * 9},
     {"current_password": PASSWORD}],
)  # fmt: skip
def test_a_change_that_makes_no_sense_is_refused(client, member, given):
    assert change(client, member, **given).status_code == 400
    assert log_in(client, member.email, PASSWORD) == 200


def test_the_page_of_the_account_changes_it(client, member):
    sign_in(client, member)

    wrong = press(client, "/account/password", current_password="wrong", new_password=NEW)

    assert (wrong.status_code, "It is not your password" in wrong.text) == (400, True)
    answer = press(client, "/account/password", current_password=PASSWORD, new_password=NEW)
    assert "signed out everywhere else" in said(client, answer)


def test_who_has_forgotten_it_chooses_one_behind_a_link_that_works_once(client, services, clock, member):
    first, link = (f"/password/{passwords.begin_reset(services, member.email)}" for _ in range(2))
    assert client.get(first).status_code == 410  # the later link ends the earlier one
    assert member.email in Page(client.get(link).text).text

    short = client.post(link, data={"password": "short"}, headers=OWN)
    chosen = client.post(link, data={"password": NEW}, headers=OWN)

    assert (short.status_code, chosen.status_code) == (400, 303)
    assert log_in(client, member.email, NEW) == 200
    assert not is_in(client, member.headers)
    assert client.post(link, data={"password": NEW}, headers=OWN).status_code == 410
    late = f"/password/{passwords.begin_reset(services, member.email)}"
    clock.advance(hours=24, seconds=1)
    assert client.get(late).status_code == 410


def test_a_link_of_a_disabled_user_opens_nothing(client, services, member):
    link = f"/password/{passwords.begin_reset(services, member.email)}"
    users.disable(services, member.email)

    assert client.post(link, data={"password": NEW}, headers=OWN).status_code == 410
    assert client.post("/password/x", data={"password": NEW}, headers=OWN).status_code == 410


def test_a_disabled_user_is_out_at_once_until_they_are_enabled(client, services, member):
    _, key = keys.add_personal_key(services, member.user_id, keys.NewKey(name="Script"))

    users.disable(services, member.email)

    assert not is_in(client, member.headers)
    assert not is_in(client, {"Authorization": f"Token {key}"})
    assert log_in(client, member.email, PASSWORD) == 401
    users.enable(services, member.email)
    assert log_in(client, member.email, PASSWORD) == 200


def test_the_only_owner_of_an_app_is_not_removed(client, services, member):
    with pytest.raises(Conflict, match=f"only owner of Notes \\({member.app.identifier}\\)"):
        users.remove(services, member.email)

    bob = join(services, "bob@example.com", member.app, Role.VIEWER)
    members.put(services, member.app, bob.email, Role.OWNER)
    users.remove(services, member.email)

    assert not is_in(client, member.headers)
    assert log_in(client, member.email, PASSWORD) == 401
    rows = client.get(f"/api/apps/{member.app.identifier}/members", headers=bob.headers).json["result"]
    assert rows == [{"email": "bob@example.com", "role": "owner"}]


@pytest.mark.parametrize("act", [users.disable, users.enable, users.remove, passwords.begin_reset])
def test_a_user_who_is_not_there_is_named_so(services, act):
    for email in ("nobody@example.com", "x" * 300, "a\0"):
        with pytest.raises(NotFound):
            act(services, email)


def test_the_commands_list_disable_and_remove_users_and_make_links(tmp_path):
    def run(*arguments: str, given: str = "") -> str:
        result = CliRunner().invoke(main, [*arguments, "--data-dir", str(tmp_path)], input=given)
        return f"{result.exit_code} {result.output}"

    assert run("user", "add", "ada@example.com", given=f"{PASSWORD}\n").startswith("0 ")
    app = run("app", "add", "Notes", "--owner", "ada@example.com").split()[3]
    run("user", "add", "bob@example.com", given=f"{PASSWORD}\n")

    assert "0 password set" in run("user", "password", "bob@example.com", given=f"{NEW}\n")
    assert "/password/" in run("user", "password", "bob@example.com", "--link")
    assert run("user", "disable", "bob@example.com").startswith("0 ")
    assert "bob@example.com" in (listed := run("user", "list"))
    assert "disabled" in listed
    assert run("user", "remove", "ada@example.com").startswith("1 ")
    run("user", "enable", "bob@example.com")
    assert "is owner of" in run("app", "member", app, "bob@example.com", "--role", "owner")
    assert run("user", "remove", "ada@example.com").startswith("0 ")
    assert app in run("app", "list")
    assert "Paper" in run("app", "rename", app, "Paper")
    assert run("app", "remove", app, given="Notes\n").startswith("1 ")
    assert run("app", "remove", app, "--yes").startswith("0 ")
    assert app not in run("app", "list")
