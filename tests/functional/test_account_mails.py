"""Mails about accounts, as a mail server gets them: invitations, and links to choose a forgotten password."""

import re
import threading
from dataclasses import replace

import pytest

from app import create_app
from app.identity import passwords, users
from tests.console import OWN
from tests.mail_server import Postbox, mail_server

NEW = "staple battery horse"


@pytest.fixture
def postbox():
    with mail_server() as box:
        yield box


@pytest.fixture
def client(services, postbox: Postbox):
    return client_of(services, postbox, public_url="http://localhost")


def client_of(services, postbox: Postbox, **settings):
    mail = {"smtp_url": f"smtp://127.0.0.1:{postbox.port}?tls=none", "mail_from": "crashq@example.com"}
    return create_app(replace(services, config=replace(services.config, **mail, **settings))).test_client()


def wait_for_mails() -> None:
    """Until those that were begun are handed in."""
    for thread in threading.enumerate():
        if thread.name == "account-mail":
            thread.join(20)


def link_in(mail) -> str:
    """The path of the link in a mail."""
    found = re.search(r"http://localhost(/\S+)", mail.get_content())
    assert found
    return found[1]


def test_a_forgotten_password_is_chosen_anew_by_a_mailed_link(client, member, postbox):
    assert "/forgot-password" in client.get("/sign-in").text

    sent = client.post("/forgot-password", data={"email": "Ada@example.com"}, headers=OWN)
    wait_for_mails()

    [mail] = postbox.mails
    assert (sent.status_code, mail["To"]) == (303, "ada@example.com")
    assert client.post(link_in(mail), data={"password": NEW}, headers=OWN).status_code == 303
    assert client.post("/api/login", json={"email": member.email, "password": NEW}).status_code == 200


def test_nobody_learns_whether_there_is_such_a_user(client, member, postbox):
    answers = [
        client.post("/forgot-password", data={"email": email}, headers=OWN)
        for email in (member.email, "nobody@example.com", "", "\0", "x" * 400)
    ]
    wait_for_mails()

    assert len({(answer.status_code, answer.location) for answer in answers}) == 1
    assert len(postbox.mails) == 1


def test_who_is_disabled_gets_no_link(client, services, member, postbox):
    users.disable(services, member.email)

    client.post("/forgot-password", data={"email": member.email}, headers=OWN)
    wait_for_mails()

    assert postbox.mails == []


def test_a_mailed_link_ends_none_that_the_operator_has_made_and_there_are_few(client, services, member):
    by_operator = passwords.begin_reset(services, member.email)
    mailed = [passwords.begin_reset(services, member.email, is_mailed=True) for _ in range(11)]

    opens = [client.get(f"/password/{one}").status_code == 200 for one in mailed]
    assert opens.count(True) == passwords.MAILED_KEPT
    assert client.post(f"/password/{by_operator}", data={"password": NEW}, headers=OWN).status_code == 303
    assert all(client.get(f"/password/{one}").status_code == 410 for one in mailed)


def test_an_invitation_for_one_email_is_mailed_to_it(client, member, postbox):
    path = f"/api/apps/{member.app.identifier}/invitations"

    url = client.post(path, json={"email": "grace@example.com"}, headers=member.headers).json["result"]["url"]
    client.post(path, json={}, headers=member.headers)
    wait_for_mails()

    [mail] = postbox.mails
    assert (mail["To"], mail["Subject"]) == ("grace@example.com", "Invitation to Notes")
    assert url.endswith(link_in(mail))


def test_without_a_mail_server_there_is_no_such_page(services):
    client = create_app(services).test_client()

    assert client.get("/forgot-password").status_code == 404
    assert "/forgot-password" not in client.get("/sign-in").text


def test_no_mail_leads_where_a_request_says_that_this_server_is(services, member, postbox):
    other = {"base_url": "http://10.66.6.6"}
    form = {"data": {"email": member.email}, "headers": {"Origin": "http://10.66.6.6"}}
    networks = {"hosts": ("10.0.0.0/8",)}
    path = f"/api/apps/{member.app.identifier}/invitations"
    unset = client_of(services, postbox, **networks)
    public = client_of(services, postbox, public_url="http://localhost", **networks)

    assert unset.post("/forgot-password", **form, **other).status_code == 404
    for client in (unset, public):
        made = client.post(path, json={"email": "grace@example.com"}, headers=member.headers, **other)
        assert made.status_code == 201
    wait_for_mails()

    [mail] = postbox.mails
    assert link_in(mail).startswith("/invitations/")
