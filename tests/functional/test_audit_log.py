"""The audit log: every change of settings, members, keys and users has an entry, which its app's owners read."""

from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from app.cli import main
from app.db.models.audit_entry import AuditEntry
from app.db.models.membership import Role
from app.identity import accounts, invitations, members, passwords, users
from app.privacy.retention import remove_what_is_old
from app.web.api import RESOURCES
from tests.console import HOSTILE, Page, press, sign_in
from tests.factories import PASSWORD, join, make_member

BOB = "bob@example.com"
NO_CHANGE = {"replayDelivery", "testChannel", "logOut", "cancelJob", "retryJob"}
"""Operations that send again, end a login or steer a job."""
OF_MEMBERS = {"removeMember", "deleteSymbols"}

CHANNEL = {"kind": "webhook", "address": "https://1.1.1.1/secret-address", "rules": {"new": True}}
EXPORTER = {"name": "Nightly", "apps": ["{app}"], "bucket_name": "archive"}
HOOK = {"url": "https://1.1.1.1/secret-address", "events": ["crash.new"]}

CHANGES = [
    ("changePassword", "/api/password", {"current_password": PASSWORD, "new_password": "secret of ada"}, "password.changed"),
    ("addApp", "/api/apps", {"name": "secret name"}, "app.made"),
    ("addPersonalKey", "/api/tokens", {"name": "Script"}, "personal_key.made"),
    ("revokePersonalKey", "/api/tokens/{made}", None, "personal_key.removed"),
    ("invite", "{app_url}/invitations", {"role": "viewer"}, "invitation.made"),
    ("endInvitation", "{app_url}/invitations/{made}", None, "invitation.removed"),
    ("addMember", "{app_url}/members", {"email": BOB}, "member.added"),
    ("changeMember", "{app_url}/members/bob@example.com", {"role": "viewer"}, "role.changed"),
    ("removeMember", "{app_url}/members/bob@example.com", None, "member.removed"),
    ("addIngestKey", "{app_url}/keys", {"name": "Two"}, "key.made"),
    ("revokeIngestKey", "{app_url}/keys/{made}", None, "key.removed"),
    ("addUploadKey", "{app_url}/upload_keys", {"name": "CI"}, "upload_key.made"),
    ("revokeUploadKey", "{app_url}/upload_keys/{made}", None, "upload_key.removed"),
    ("changeSettings", "{app_url}/settings", {"keep_logs_days": 90, "logs_per_minute": 600}, "settings.changed"),
    ("createWebhook", "{app_url}/webhooks", HOOK, "webhook.made"),
    ("changeWebhook", "{app_url}/webhooks/{made}", {"active": False}, "webhook.changed"),
    ("deleteWebhook", "{app_url}/webhooks/{made}", None, "webhook.removed"),
    ("createChannel", "{app_url}/notifications", CHANNEL, "notification.made"),
    ("changeChannel", "{app_url}/notifications/{made}", {"name": "secret name"}, "notification.changed"),
    ("deleteChannel", "{app_url}/notifications/{made}", None, "notification.removed"),
    ("createDataExporter", "/api/data_exporters", EXPORTER, "exporter.made"),
    ("changeDataExporter", "/api/data_exporters/{made}", {"active": False}, "exporter.changed"),
    ("deleteDataExporter", "/api/data_exporters/{made}", None, "exporter.removed"),
    ("addSymbols", "{app_url}/symbols?name=mapping.txt&version=1.2", b"a", None),
    ("deleteSymbols", "{app_url}/symbols/{made}", None, "symbols.removed"),
    ("regroup", "{app_url}/regroup", {}, "regrouping.begun"),
    ("eraseUser", "{app_url}/users/secret-user", None, "erasure.begun"),
    ("renameApp", "{app_url}", {"name": "secret name"}, "app.renamed"),
    ("removeApp", "{app_url}", None, "app.removed"),
]  # fmt: skip
"""Operation, where, what is sent, action: in this order, `made` is what the one before has made."""


@pytest.fixture
def url(member) -> str:
    return f"/api/apps/{member.app.identifier}/audit"


def entries(services) -> list[AuditEntry]:
    """All there are, oldest first."""
    with services.db.read() as session:
        return list(session.scalars(select(AuditEntry).order_by(AuditEntry.id)))


def test_every_operation_that_changes_settings_members_or_keys_leaves_an_entry(client, services, member):
    make_member(services, BOB, "Others")
    methods = {one.name: one.method for resource in RESOURCES for one in resource.operations}
    made = ""
    for name, path, sent, action in CHANGES:
        before = len(entries(services))
        path = path.format(app_url=f"/api/apps/{member.app.identifier}", made=made)
        body = {"data": sent} if isinstance(sent, bytes) else {"json": sent}
        if sent is EXPORTER:
            body = {"json": {**EXPORTER, "apps": [member.app.identifier]}}
        answer = client.open(path, method=methods.get(name, "POST"), headers=member.headers, **body)
        assert answer.status_code < 300, (name, answer.text)
        new = entries(services)[before:]
        assert [one.action for one in new] == ([action] if action else []), name
        assert [(one.user_id, one.by_operator) for one in new] == [(member.user_id, False)] * len(new)
        made = (answer.json.get("result") or {}).get("identifier", made) if "result" in answer.json else made

    told = " ".join(one.subject for one in entries(services))
    assert not {word for word in ("secret", "90", "600", "1.1.1.1", "archive", PASSWORD) if word in told.split(" ")}
    assert "secret" not in told
    assert "keep_logs_days, logs_per_minute" in told


def test_no_operation_is_left_out_of_the_list_above():
    changing = {
        one.name
        for resource in RESOURCES
        for one in resource.operations
        if one.method != "GET" and (one.needed.role is Role.OWNER or one.needed == "user")
    }

    assert changing - NO_CHANGE == {name for name, _, _, action in CHANGES if action} - OF_MEMBERS


def test_owners_read_it_newest_first_in_pages_and_others_do_not(client, services, member, url):
    member_of, stranger = (
        join(services, "mo@example.com", member.app, Role.MEMBER),
        make_member(services, "m@example.com"),
    )
    settings = url.replace("audit", "settings")
    client.patch(settings, json={"keep_logs_days": 90}, headers=member.headers)
    client.patch(settings, json={"keep_logs_days": 90}, headers=member.headers)  # changes nothing

    first = client.get(f"{url}?per_page=1", headers=member.headers)
    second = client.get(f"{url}?per_page=1&page=2", headers=member.headers)

    [entry] = first.json["result"]
    assert {**entry, "id": ""} == {
        "id": "", "happened_at": "2018-09-13T12:00:00Z", "who": "ada@example.com", "action": "settings.changed",
        "subject": "keep_logs_days",
    }  # fmt: skip
    assert 'rel="next"' in first.headers["Link"]
    assert second.json["result"][0]["who"] == "operator"
    assert client.get(url, headers=member_of.headers).json["status"] == "forbidden"
    assert client.get(url, headers=stranger.headers).status_code == 404
    other = f"/api/apps/{stranger.app.identifier}/audit"
    assert [one["action"] for one in client.get(other, headers=stranger.headers).json["result"]] == ["app.made"]


def test_a_change_that_is_refused_leaves_no_entry(client, services, member, url):
    before = len(entries(services))
    app_url = url.removesuffix("/audit")

    client.patch(f"{app_url}/settings", json={"keep_logs_days": 90, "logs_per_minute": -1}, headers=member.headers)
    client.patch(f"{app_url}/members/{member.email}", json={"role": "viewer"}, headers=member.headers)
    client.post(f"{app_url}/members", json={"email": member.email}, headers=member.headers)
    client.delete(f"{app_url}/keys/nothing", headers=member.headers)

    assert len(entries(services)) == before


def test_links_without_a_login_name_who_used_them_or_nobody(client, services, member, url):
    bob = make_member(services, BOB, "Others")
    made, secret = invitations.invite(services, member.app, invitations.NewInvitation(role="viewer"), None)
    sign_in(client, bob)
    assert press(client, f"/invitations/{secret}").status_code == 303
    passwords.choose(services, passwords.begin_reset(services, BOB), "another password")

    found = [(one.action, one.user_id, one.by_operator, one.subject) for one in entries(services)[-4:]]
    assert found == [
        ("invitation.made", None, True, made.identifier),
        ("invitation.accepted", bob.user_id, False, BOB),
        ("password_link.made", None, True, BOB),
        ("password.changed", bob.user_id, False, BOB),
    ]


def test_the_entries_of_a_removed_account_stay_without_its_name(client, services, member, url):
    accounts.create_user(services, BOB, PASSWORD)
    members.add(services, member.app, BOB, Role.OWNER)
    headers = {"Authorization": f"Token {accounts.log_in(services, BOB, PASSWORD)}"}
    client.patch(url.replace("audit", "settings"), json={"keep_logs_days": 90}, headers=headers)

    users.disable(services, BOB)
    users.disable(services, BOB)  # changes nothing
    users.enable(services, BOB)
    users.remove(services, BOB)

    [entry] = [one for one in client.get(url, headers=member.headers).json["result"] if "settings" in one["action"]]
    assert (entry["who"], entry["subject"]) == (None, "keep_logs_days")
    assert [one.action for one in entries(services)[-3:]] == ["user.disabled", "user.enabled", "user.removed"]


def test_entries_are_removed_after_the_days_that_the_operator_sets(services, clock, member):
    members.change(services, member.app, join(services, BOB, member.app).email, Role.VIEWER)
    clock.advance(days=300)
    users.disable(services, BOB)
    remove_what_is_old(services)
    assert len(entries(services)) > 1
    clock.advance(days=66)
    remove_what_is_old(replace(services, config=replace(services.config, audit_days=0)))
    assert len(entries(services)) > 1

    remove_what_is_old(services)

    assert [one.action for one in entries(services)] == ["user.disabled"]
    assert entries(services)[0].happened_at == services.now() - timedelta(days=66)


def test_the_console_shows_it_to_owners(client, services, member, url):
    sign_in(client, member)
    path = f"/apps/{member.app.identifier}/settings"
    press(client, f"{path}/app", name=HOSTILE)

    page = Page(client.get(f"{path}/audit").text)

    assert HOSTILE not in client.get(f"{path}/audit").text
    assert all(text in page.text for text in ("app.renamed", member.app.identifier, "ada@example.com", "operator"))
    with services.db.read() as session:
        assert session.scalar(select(func.count()).select_from(AuditEntry)) == 3


def test_the_operator_lists_all_of_it(tmp_path):
    def run(*arguments: str, given: str = "") -> list[str]:
        return CliRunner().invoke(main, [*arguments, "--data-dir", str(tmp_path)], input=given).output.splitlines()

    run("user", "add", "ada@example.com", given=f"{PASSWORD}\n")
    app = run("app", "add", "Notes", "--owner", "ada@example.com")[0].split()[-1]
    run("app", "remove", app, "--yes")

    assert [line.split()[1:] for line in run("audit")] == [
        ["operator", "app.removed", app], ["operator", "app.made", app], ["operator", "user.added", "ada@example.com"],
    ]  # fmt: skip
    assert run("audit", "--app", "nothing")[0].startswith("crashq: There is no app")
