"""Signing in to the console by an OpenID provider, a real one."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
import requests
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.db.models.user import find_user
from app.errors import TransientError
from app.identity import accounts, openid, openid_transport, users
from app.oidc_settings import OidcProvider
from tests.openid_provider import CLIENT, SECRET, Provider, new_key, openid_provider

PUBLIC = "http://localhost"
CALLBACK = f"{PUBLIC}/sign-in/openid/callback"


@pytest.fixture
def provider() -> Iterator[Provider]:
    openid._known.clear()
    with openid_provider(CALLBACK) as made:
        yield made


@pytest.fixture
def oidc(provider: Provider) -> OidcProvider:
    return OidcProvider(provider.issuer, CLIENT, SECRET, "Example ID", ("example.com",))


@pytest.fixture
def client(services, oidc) -> FlaskClient:
    config = replace(services.config, public_url=PUBLIC, oidc=oidc)
    return create_app(replace(services, config=config)).test_client()


def led_back(client: FlaskClient, **asked: str) -> str:
    """Begin a sign-in, visit the provider, and return the path that it leads back to."""
    begun = client.get("/sign-in/openid", query_string=asked)
    assert begun.status_code == 303
    there = requests.get(begun.location, allow_redirects=False, timeout=10)
    return there.headers["Location"].removeprefix(PUBLIC)


def sign_in(client: FlaskClient, **asked: str) -> TestResponse:
    return client.get(led_back(client, **asked))


def refusal(client: FlaskClient, answer: TestResponse) -> str:
    """What the page of signing in says after a sign-in that has failed; nobody is signed in."""
    assert urlsplit(answer.location).path == "/sign-in", answer.location
    assert client.get("/apps").status_code == 303
    return client.get(answer.location).text


def test_a_new_person_of_a_known_domain_gets_an_account_and_is_led_on(client, services):
    assert "Sign in with Example ID" in client.get("/sign-in").text

    answer = sign_in(client, next="/account")

    assert answer.location == "/account"
    assert "grace@example.com" in client.get("/account").text
    with services.db.read() as session:
        assert find_user(session, "grace@example.com")


def test_the_subject_decides_once_it_is_known_whatever_the_e_mail_becomes(client, provider):
    sign_in(client)
    provider.person |= {"email": "another@example.com"}

    assert sign_in(client).location == "/apps"

    assert "grace@example.com" in client.get("/account").text


def test_an_account_that_exists_is_found_by_a_proved_e_mail_and_keeps_its_password(client, services, provider):
    accounts.create_user(services, "ada@example.org", "correct horse battery staple")
    provider.person |= {"email": "Ada@example.org"}

    assert sign_in(client).location == "/apps"

    assert accounts.log_in(services, "ada@example.org", "correct horse battery staple")


def test_an_e_mail_in_the_user_info_alone_is_taken(client, provider):
    provider.is_silent = True

    assert sign_in(client).location == "/apps"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"email_verified": False}, "not proved"),
        ({"email_verified": None}, "not proved"),
        ({"email": "no address"}, "not proved"),
        ({"email": 7}, "not proved"),
        ({"email": "eve@example.net"}, "no account with your e-mail"),
    ],
)
def test_who_has_no_account_and_may_have_none_is_told_so(client, provider, said, told):
    provider.person |= said

    assert told in refusal(client, sign_in(client))


def test_an_issuer_that_says_nothing_of_proof_is_trusted_where_the_operator_says_so(services, oidc, provider):
    del provider.person["email_verified"]
    config = replace(services.config, public_url=PUBLIC, oidc=replace(oidc, trusts_email=True))

    assert sign_in(create_app(replace(services, config=config)).test_client()).location == "/apps"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://id.example.net"},
        {"aud": ["another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"nonce": "of another sign-in"},
        {"exp": 1_000_000_000},
        {"sub": ""},
        {"sub": "x" * 300},
        {"iat": "soon"},
        {"at_hash": "of another token"},
    ],
)
def test_a_token_that_is_not_for_this_sign_in_opens_nothing(client, provider, claims):
    provider.claims = claims

    assert "is not valid" in refusal(client, sign_in(client))


def test_a_token_that_another_key_has_signed_opens_nothing(client, provider):
    provider.signs_with = new_key("first", "somebody else")

    assert "is not valid" in refusal(client, sign_in(client))


def test_keys_that_the_provider_has_changed_are_looked_up_anew(client, provider):
    sign_in(client)
    provider.keys = [new_key("second")]

    assert sign_in(client).location == "/apps"


def test_an_answer_is_taken_once_and_by_the_browser_that_began(client, services):
    path = led_back(client)
    config = client.application.extensions["crashq"].config
    stranger = create_app(replace(services, config=config)).test_client()
    assert "not begun here" in refusal(stranger, stranger.get(path))

    assert client.get(path).location == "/apps"
    client.delete_cookie("crashq")

    assert "not begun here" in refusal(client, client.get(path))


def test_the_answer_to_an_earlier_beginning_is_refused(client):
    earlier = led_back(client)
    client.get("/sign-in/openid")

    assert "not begun here" in refusal(client, client.get(earlier))


def test_who_cancels_there_is_told_so(client):
    state = led_back(client).partition("state=")[2]

    answer = client.get(f"/sign-in/openid/callback?error=access_denied&state={state}")

    assert "refused or cancelled" in refusal(client, answer)


def test_a_disabled_user_stays_out(client, services):
    sign_in(client)
    client.delete_cookie("crashq")
    users.disable(services, "grace@example.com")

    assert "account is disabled" in refusal(client, sign_in(client))


def test_a_provider_that_is_away_or_broken_costs_a_sentence(client, provider, oidc, services):
    provider.status = 502
    assert "does not answer" in refusal(client, sign_in(client))

    openid._known.clear()
    config = replace(services.config, public_url=PUBLIC, oidc=replace(oidc, issuer="http://127.0.0.1:9"))
    away = create_app(replace(services, config=config)).test_client()
    assert "does not answer" in refusal(away, away.get("/sign-in/openid"))


@contextmanager
def talker(*said: bytes, pause: float = 0) -> Iterator[str]:
    """The URL of a server that says this to everybody, with pauses, and says nothing of an end."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    connection.recv(65_536)
                    for one in said:
                        connection.sendall(one)
                        time.sleep(pause)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    "said",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", *[b" "] * 200],
        [b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 200],
        [b"\x00\xff not HTTP\r\n\r\n"],
    ],
)
def test_a_provider_that_drips_or_talks_nonsense_holds_a_request_for_a_bounded_time(services, oidc, monkeypatch, said):
    monkeypatch.setattr(openid_transport, "WHOLE_LIMIT", 0.3)
    with talker(*said, pause=0.05) as url, pytest.raises(TransientError, match="does not answer"):
        openid.begin(replace(oidc, issuer=url), CALLBACK)


def test_an_answer_without_end_is_not_read_to_its_end(oidc):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"
    with talker(head, *[b" " * 100_000] * 12) as url, pytest.raises(TransientError, match="does not answer"):
        openid.begin(replace(oidc, issuer=url), CALLBACK)


def test_few_sign_ins_wait_for_a_provider_at_a_time(client):
    for _ in range(openid.AT_ONCE):
        openid._places.acquire()
    try:
        assert "Many sign in at once" in refusal(client, client.get("/sign-in/openid"))
    finally:
        for _ in range(openid.AT_ONCE):
            openid._places.release()


def test_an_e_mail_that_is_another_persons_there_leads_to_no_account_until_it_is_unlinked(client, services, provider):
    sign_in(client)
    client.delete_cookie("crashq")
    provider.person |= {"sub": "18"}
    assert "belongs to somebody else" in refusal(client, sign_in(client))

    users.unlink(services, "grace@example.com")

    assert sign_in(client).location == "/apps"


def test_where_it_leads_afterwards_is_a_page_of_ours(client):
    assert sign_in(client, next="https://example.net/").location == "/apps"


def test_without_a_provider_there_is_no_button_and_no_page(services):
    plain = create_app(services).test_client()

    assert "/sign-in/openid" not in plain.get("/sign-in").text
    assert plain.get("/sign-in/openid").status_code == 404
    assert plain.get("/sign-in/openid/callback?code=1").status_code == 404
