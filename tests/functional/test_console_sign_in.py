"""Signing in to the console and out, and where it leads."""

from dataclasses import replace

import pytest

from app import create_app
from tests.console import OWN, Page, csrf_of, sign_in
from tests.factories import PASSWORD, make_crash, make_member


def form(member, **values):
    return {"email": member.email, "password": PASSWORD, **values}


def test_the_front_door_leads_to_signing_in_and_then_to_the_apps(client, member):
    assert client.get("/").location == "/sign-in"

    sign_in(client, member)

    assert client.get("/").location == "/apps"
    assert client.get("/apps").status_code == 200
    assert client.get("/sign-in").location == "/apps"


def test_the_session_is_a_token_in_a_cookie_that_scripts_and_other_sites_do_not_get(client, member, services):
    answer = client.post("/sign-in", data=form(member), headers=OWN)

    [cookie] = answer.headers.getlist("Set-Cookie")
    parts = [part.strip() for part in cookie.split(";")]
    token = parts[0].removeprefix("crashq=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/", f"Max-Age={services.config.token_lifetime}"} <= set(parts)
    assert "Secure" not in parts  # http on this machine
    assert client.get("/api/apps", headers={"Authorization": f"Token {token}"}).status_code == 200


def test_over_https_the_cookie_goes_over_https_only_and_from_no_other_host(services, member):
    behind = create_app(
        replace(services, config=replace(services.config, trusted_proxies=1, hosts=("crashq.example.com",)))
    ).test_client()
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "crashq.example.com"}

    answer = behind.post("/sign-in", data=form(member), headers={**told, "Origin": "https://crashq.example.com"})

    [cookie] = answer.headers.getlist("Set-Cookie")
    assert answer.status_code == 303
    assert cookie.startswith("__Host-crashq=")
    assert {"Secure", "HttpOnly", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie


def test_a_proxy_that_is_not_trusted_changes_nothing(client, member):
    answer = client.post("/sign-in", data=form(member), headers={**OWN, "X-Forwarded-Proto": "https"})

    assert answer.headers["Set-Cookie"].startswith("crashq=")


def test_a_public_https_url_makes_the_cookie_secure(services, member):
    public = create_app(replace(services, config=replace(services.config, public_url="https://crashq.example.com")))

    answer = public.test_client().post("/sign-in", data=form(member), headers={"Origin": "https://crashq.example.com"})

    assert answer.headers["Set-Cookie"].startswith("__Host-crashq=")


@pytest.mark.parametrize("values", [{"password": "wrong"}, {"email": "nobody@example.com"}, {"password": ""}])
def test_a_wrong_e_mail_and_a_wrong_password_are_the_same_refusal(client, member, values):
    answer = client.post("/sign-in", data=form(member, **values), headers=OWN)

    assert answer.status_code == 401
    assert "Wrong e-mail or password." in answer.text
    assert "Set-Cookie" not in answer.headers
    assert PASSWORD not in answer.text


def test_the_field_to_fill_in_next_has_the_focus(client, member):
    first = Page(client.get("/sign-in").text)
    again = Page(client.post("/sign-in", data=form(member, password="wrong"), headers=OWN).text)

    assert [field["name"] for field in first.all("input") if "autofocus" in field] == ["email"]
    assert [field["name"] for field in again.all("input") if "autofocus" in field] == ["password"]
    assert [field["value"] for field in again.all("input") if field["name"] == "email"] == [member.email]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example.com"},
        {"Origin": "null"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://localhost:8080"},
    ],
)
def test_nobody_is_signed_in_by_a_form_of_another_site(client, member, headers):
    answer = client.post("/sign-in", data=form(member), headers=headers)

    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers


def test_signing_in_leads_back_to_the_page_that_was_wanted(services, client, member):
    crash = make_crash(services, member.app)
    wanted = f"/crashes/{crash.identifier}?since_date=2018-09-01"

    sent = client.get(wanted)
    answer = client.post("/sign-in", data=form(member, next=wanted), headers=OWN)

    assert sent.location == f"/sign-in?next=/crashes/{crash.identifier}?since_date%3D2018-09-01"
    assert answer.location == wanted


def test_below_a_prefix_of_a_proxy_everything_stays_below_it(services, member):
    behind = create_app(
        replace(services, config=replace(services.config, trusted_proxies=1, hosts=("crashq.example.com",)))
    ).test_client()
    below = {"X-Forwarded-Prefix": "/crashes-of-ours"}

    sent = behind.get("/apps?page=2", headers=below)
    signed_in = behind.post(
        "/sign-in", data=form(member, next="/crashes-of-ours/apps?page=2"), headers={**OWN, **below}
    )
    page = Page(behind.get("/apps", headers=below).text)

    assert sent.location == "/crashes-of-ours/sign-in?next=/crashes-of-ours/apps?page%3D2"
    assert signed_in.location == "/crashes-of-ours/apps?page=2"
    addresses = [
        attributes[name] for _, attributes in page.elements for name in ("href", "src", "action") if name in attributes
    ]
    assert all(address.startswith(("/crashes-of-ours/", "#")) for address in addresses)
    assert [meta["content"] for meta in page.all("meta") if meta.get("name") == "crashq-root"] == ["/crashes-of-ours"]


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example.com/", "//evil.example.com", "/\\evil.example.com", "\\\\evil.example.com", "javascript:alert(1)",
     "/\t/evil.example.com", "http:evil.example.com", "apps", "/x\r\nSet-Cookie: a=b", "http://[", ""],
)  # fmt: skip
def test_signing_in_never_leads_to_another_site(client, member, wanted):
    answer = client.post("/sign-in", data=form(member, next=wanted), headers=OWN)

    assert (answer.status_code, answer.location) == (303, "/apps")


def test_signing_out_ends_the_token_and_takes_the_cookie(client, member):
    sign_in(client, member)
    token = client.get_cookie("crashq").value

    answer = client.post("/sign-out", data={"csrf": csrf_of(client)}, headers=OWN)

    assert answer.location == "/sign-in"
    assert client.get_cookie("crashq") is None
    assert client.get("/api/apps", headers={"Authorization": f"Token {token}"}).status_code == 401
    assert "You are signed out." in client.get("/sign-in").text
    assert "You are signed out." not in client.get("/sign-in").text  # said once


def test_a_link_to_sign_out_asks_first(client, member):
    sign_in(client, member)

    assert "Sign out?" in client.get("/sign-out").text
    assert client.get("/apps").status_code == 200


def test_signing_in_anew_ends_the_session_before(client, member):
    sign_in(client, member)
    before = client.get_cookie("crashq").value

    sign_in(client, member)

    assert client.get_cookie("crashq").value != before
    assert client.get("/api/apps", headers={"Authorization": f"Token {before}"}).status_code == 401


def test_a_session_ends_with_its_token(client, member, services, clock):
    sign_in(client, member)

    clock.advance(seconds=services.config.token_lifetime)

    assert client.get("/apps").location == "/sign-in?next=/apps"


@pytest.mark.parametrize("cookie", ["x", "a" * 43, "ü" * 20, "a b c d e f g h i j k l"])
def test_a_cookie_that_is_no_session_leads_to_signing_in(client, member, cookie):
    client.set_cookie("crashq", cookie)

    assert client.get("/apps").location == "/sign-in?next=/apps"
    assert client.get("/sign-in").status_code == 200
    assert client.get("/api/apps").status_code == 401


def test_a_forged_word_is_not_said(client):
    client.set_cookie("crashq_said", "W1wiZ29vZFwiXQ.forged.word")

    assert "forged" not in client.get("/sign-in").text


def test_a_member_sees_their_apps_only(services, client, member):
    make_member(services, "mallory@example.com", "Somebody else's")
    sign_in(client, member)

    page = client.get("/apps").text

    assert member.app.name in page
    assert "Somebody else's" not in page
