"""Roles × endpoints: every operation and every page that is about an app, asked by each role and by a stranger."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from app.db.models.membership import Role
from app.identity import keys
from app.jobs import JOB_TYPES
from app.web.api import RESOURCES
from app.web.console.page_access import access_of
from tests.console import OWN, Page, csrf_of, sign_in
from tests.factories import Member, join, kscrash, make_crash, make_member

REMOVAL = ("DELETE", "/api/apps/<app_identifier>")
FORBIDDEN = ["success", "status", "error_message"]


class Team(NamedTuple):
    """A member of each role, and somebody else."""

    owner: Member
    member: Member
    viewer: Member
    stranger: Member

    def lower_than(self, role: Role) -> list[Member]:
        """Those of lower roles."""
        return [getattr(self, one.value) for one in Role if not one.covers(role)]

    def those_who_may(self, role: Role) -> list[Member]:
        """Those of that role and of higher ones."""
        return [getattr(self, one.value) for one in Role if one.covers(role)]


@pytest.fixture
def team(services, member) -> Team:
    return Team(
        member,
        join(services, "mo@example.com", member.app, Role.MEMBER),
        join(services, "vi@example.com", member.app, Role.VIEWER),
        make_member(services, "mallory@example.com"),
    )


@pytest.fixture
def known(services, member) -> dict[str, str]:
    crash = make_crash(services, member.app)
    return {"app_identifier": member.app.identifier, "crash_identifier": crash.identifier}


def filled(path: str, known: dict[str, str]) -> str:
    """The path with what is known, and with what is not there in other places."""
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda name: known.get(name[1], "nothing"), path)


def about_apps() -> Iterator[tuple[str, str, Role]]:
    """Method, path and least role of what is about an app or a crash."""
    for resource in RESOURCES:
        for one in resource.operations:
            if {"app_identifier", "crash_identifier"} & set(one.variables) and one.needed.role:
                yield one.method, one.path, one.needed.role
    for kind in JOB_TYPES.values():
        yield kind.METHOD, f"/api{kind.PATH}", kind.ROLE


def test_every_operation_is_for_those_of_its_role(client, team, known):
    asked = sorted(about_apps(), key=lambda one: one[:2] == REMOVAL)  # nothing is left to ask about after it

    for method, path, role in asked:
        url = filled(path, known)
        for one in team.lower_than(role):
            answer = client.open(url, method=method, headers=one.headers)
            assert (method, path, answer.status_code, list(answer.json)) == (method, path, 403, FORBIDDEN)
            assert answer.json["status"] == "forbidden"
        for one in team.those_who_may(role):
            answer = client.open(url, method=method, headers=one.headers)
            assert (method, path, answer.status_code) != (method, path, 403)
        answer = client.open(url, method=method, headers=team.stranger.headers)
        assert (method, path, answer.status_code in (400, 404)) == (method, path, True)
    assert {role for _, _, role in asked} == set(Role)
    assert len(asked) > 40


def test_every_page_is_for_those_of_its_role(client, team, known):
    rules = [rule for rule in client.application.url_map.iter_rules() if rule.endpoint.startswith("console.")]
    with client.application.app_context():
        asked = [(rule, role) for rule in rules if (role := access_of(rule.endpoint.removeprefix("console.")).role)]

    for who in (team.owner, team.member, team.viewer, team.stranger):
        sign_in(client, who)
        token = csrf_of(client)
        for rule, role in asked:
            method = "GET" if "GET" in rule.methods else "POST"
            form = {"csrf": token} if method == "POST" else None
            status = client.open(filled(rule.rule, known), method=method, data=form, headers=OWN).status_code
            is_lower = who in team.lower_than(role)
            assert (rule.endpoint, who.email, status == 403) == (rule.endpoint, who.email, is_lower)
            assert who is not team.stranger or status == 404, rule.endpoint
    assert {role for _, role in asked} == set(Role)


def test_pages_offer_nobody_what_their_role_does_not_allow(client, team, known):
    sign_in(client, team.viewer)
    app = f"/apps/{known['app_identifier']}"

    for path in (f"{app}/logs", f"{app}/settings", f"{app}/settings/members", f"{app}/settings/retention",
                 f"{app}/settings/redaction", f"{app}/settings/grouping", f"{app}/settings/symbols",
                 f"/crashes/{known['crash_identifier']}"):  # fmt: skip
        page = Page(client.get(path).text)
        changing = {form["action"] for form in page.all("form") if form.get("method") == "post"} - {"/sign-out"}
        changing -= {f"{app}/settings/members/remove"}  # to leave the app
        assert all("retention" in action or "redaction" in action for action in changing), (
            path
        )  # shown, without a button
        assert team.owner.ingest_key not in page.text
        links = {link["href"] for link in page.all("a")}
        assert f"{app}/settings/webhooks" not in links


def test_a_viewer_sends_no_logs_and_no_symbols(client, team, services):
    logs = f"/api/apps/{team.owner.app.identifier}/logs"
    chunks = f"/api/0/projects/any/{team.owner.app.identifier}/files/difs/assemble/"

    for url, body in ((logs, kscrash()), (chunks, b"{}")):
        assert client.post(url, data=body, headers=team.viewer.headers).status_code == 403
        assert client.post(url, data=body, headers=team.member.headers).status_code in (200, 202)
        assert client.post(url, data=body, headers=team.stranger.headers).status_code == 404


def test_a_personal_key_may_do_what_its_user_may(client, services, team):
    path = f"/api/apps/{team.owner.app.identifier}/members"
    for who, status in ((team.viewer, 403), (team.owner, 400)):
        _, key = keys.add_personal_key(services, who.user_id, keys.NewKey(name="Script"))

        assert client.post(path, json={}, headers={"Authorization": f"Token {key}"}).status_code == status


def test_a_batch_is_not_asked_anew_by_who_may_not_any_more(client, services, team, known):
    url = f"/api/crashes/{known['crash_identifier']}/exports"
    job = client.post(url, headers=team.member.headers).json["job_id"]
    client.delete(f"/api/jobs/{job}", headers=team.member.headers)
    members = f"/api/apps/{known['app_identifier']}/members"
    client.patch(f"{members}/{team.member.email}", json={"role": "viewer"}, headers=team.owner.headers)

    assert client.post(f"/api/jobs/{job}/retry", headers=team.member.headers).json["status"] == "forbidden"
    assert client.post(url, headers=team.member.headers).json["status"] == "forbidden"


def test_who_only_views_an_app_cannot_export_it(client, team):
    wanted = {"name": "Nightly", "apps": [team.owner.app.identifier], "bucket_name": "archive"}

    assert client.post("/api/data_exporters", json=wanted, headers=team.viewer.headers).status_code == 403
    assert client.post("/api/data_exporters", json=wanted, headers=team.member.headers).status_code == 201
