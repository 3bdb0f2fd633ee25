"""The client goes through the proxy that the environment names, and round it where that says so."""

import ssl

import pytest

from app.client import Client, Limits, NotAllowed, Unreachable
from tests.certificates import self_signed
from tests.client.conftest import TOKEN
from tests.forward_proxy import forward_proxy
from tests.scripted_server import ScriptedServer, told

HOST = "crashes.example.com"
APPS = [{"identifier": "a" * 24, "name": "Notes", "created_at": "2018-09-13T08:02:53Z"}]
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def nothing_is_named(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def secure(tmp_path, monkeypatch):
    """A server with the certificate of HOST, which this client trusts."""
    pair = tmp_path / "pair.pem"
    pair.write_bytes(self_signed(HOST))
    monkeypatch.setenv("SSL_CERT_FILE", str(pair))
    server = ScriptedServer()
    server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.tls.load_cert_chain(pair)
    server.replies = [told(APPS)]
    server.start()
    yield server
    server.stop()


def names(url: str, clock, **options) -> list[str]:
    with Client(url, TOKEN, clock=clock, limits=Limits(connect=5, silence=10, patience=0), **options) as afar:
        return [app.name for app in afar.apps()]


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_https_goes_through_a_tunnel_of_the_proxy_which_does_not_see_the_token(secure, clock, monkeypatch, variable):
    with forward_proxy(secure.port) as proxy:
        monkeypatch.setenv(variable, f"http://ada:s%40cret@{proxy.address}")

        found = names(f"https://{HOST}", clock)

    assert found == ["Notes"]
    assert proxy.asked == [("CONNECT", HOST, "Basic YWRhOnNAY3JldA==")]
    assert secure.asked[0].headers["authorization"] == f"Token {TOKEN}"
    assert "proxy-authorization" not in secure.asked[0].headers


def test_http_that_was_allowed_on_purpose_goes_through_its_proxy(server, clock, monkeypatch):
    server.replies = [told(APPS)]
    with forward_proxy(server.port) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.address)

        found = names(f"http://{HOST}", clock, insecure=True)

    assert (found, [host for _, host, _ in proxy.asked]) == (["Notes"], [HOST])


@pytest.mark.parametrize("named", [{"HTTP_PROXY": "{}"}, {"ALL_PROXY": "{}"}, {"HTTPS_PROXY": "{}"}])
def test_this_machine_is_never_reached_through_a_proxy(server, clock, monkeypatch, named):
    server.replies = [told(APPS)]
    with forward_proxy(server.port) as proxy:
        for name, value in named.items():
            monkeypatch.setenv(name, value.format(proxy.address))

        found = names(server.url, clock)

    assert (found, proxy.asked) == (["Notes"], [])


def test_no_proxy_names_hosts_that_are_asked_straight(server, clock, monkeypatch):
    with forward_proxy(server.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.address)
        monkeypatch.setenv("NO_PROXY", "nowhere.invalid")

        with pytest.raises(Unreachable, match="name is not known"):
            names("https://nowhere.invalid", clock)

    assert proxy.asked == []


def test_a_proxy_that_is_away_is_told_apart_from_the_server(server, clock, monkeypatch):
    with forward_proxy(server.port) as proxy:
        address = proxy.address
    monkeypatch.setenv("HTTPS_PROXY", address)

    with pytest.raises(Unreachable, match="proxy that the environment names"):
        names(f"https://{HOST}", clock)


@pytest.mark.parametrize(
    "proxy", ["socks5://127.0.0.1:1080", "http://", "http://127.0.0.1:x", "http://127.0.0.1:99999"]
)
def test_a_proxy_that_cannot_be_used_is_refused(clock, monkeypatch, proxy):
    monkeypatch.setenv("HTTPS_PROXY", proxy)

    with pytest.raises(NotAllowed, match="none that can be used"):
        names(f"https://{HOST}", clock)
