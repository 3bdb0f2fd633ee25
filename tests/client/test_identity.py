"""Who asks, and who answers: tokens, logins and certificates."""

import ssl

import pytest

from app.client import (
    BadAnswer,
    Client,
    NotSignedIn,
    Unreachable,
)
from tests.certificates import self_signed
from tests.client.conftest import TOKEN
from tests.scripted_server import Reply, ScriptedServer, refused, told

APPS = [{"identifier": "a" * 24, "name": "Notes", "created_at": "2018-09-13T08:02:53Z"}]


def test_the_token_goes_to_the_server_and_is_never_shown(server, afar):
    server.replies = [refused(401, "unauthorized", "No")]

    with pytest.raises(NotSignedIn) as caught:
        list(afar.apps())

    assert server.asked[0].headers["authorization"] == f"Token {TOKEN}"
    assert TOKEN not in f"{caught.value!r} {caught.value} {caught.value.__dict__} {afar!r} {afar._wire!r}"


def test_a_login_gives_the_token_that_is_used_from_then_on_and_a_logout_ends_it(server, afar):
    server.replies = [told({"auth_token": "new_token"}), told(APPS), Reply(200, body=b'{"success":true}')]

    token = afar.login("ada@example.com", "secret")
    list(afar.apps())
    afar.logout()

    assert token == "new_token"
    assert [asked.headers.get("authorization") for asked in server.asked] == [
        None,
        "Token new_token",
        "Token new_token",
    ]
    assert server.asked[2].method == "DELETE"


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX-Evil: 1", None, 5])
def test_a_token_that_could_not_be_sent_is_refused(server, afar, token):
    server.replies = [told({"auth_token": token})]

    with pytest.raises(BadAnswer):
        afar.login("ada@example.com", "secret")


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(clock, tmp_path):
    pair = tmp_path / "pair.pem"
    pair.write_bytes(self_signed("127.0.0.1"))
    server = ScriptedServer()
    server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.tls.load_cert_chain(pair)
    server.replies = [told(APPS)]
    server.start()
    try:
        with Client(server.url, TOKEN, clock=clock) as afar, pytest.raises(Unreachable, match="not trusted"):
            list(afar.apps())
    finally:
        server.stop()

    assert server.asked == []
    assert clock.slept == []
