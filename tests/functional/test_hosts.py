"""The header Host, which links and DSNs are made of: known hosts, unknown ones, and none."""

from dataclasses import replace

import pytest

from app import create_app
from app.config import Config
from app.web.server import EVERYWHERE, warn_of_unknown_hosts

ENVIRON = {"DATABASE_URL": "sqlite:////x.db", "STORAGE_URL": "memory://", "SECRET_KEY": "x" * 16}


def asked(services, host: str | None, path: str = "/api/apps", headers=(), **environ: str):
    """What a service with such settings answers to such a Host; None sends none."""
    config = replace(Config.from_env(ENVIRON | environ, needs_broker=False), database_url=services.config.database_url)
    client = create_app(replace(services, config=config)).test_client()
    return client.get(path, headers=headers, environ_overrides={"HTTP_HOST": host or ""})


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "127.1.2.3", "[::1]:80", "localhost."]
)
def test_this_machine_is_known_without_any_setting(services, member, host):
    assert asked(services, host, headers=member.headers).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "10.0.0.7", "[2001:db8::1]", "localhost.evil.example", "127.0.0.1.evil"]
)
@pytest.mark.parametrize("path", ["/api/apps", "/sign-in", "/api/openapi.json", "/nowhere"])
def test_other_hosts_are_answered_with_400(services, member, host, path):
    answer = asked(services, host, path, member.headers)

    assert answer.status_code == 400
    assert "CRASHQ_HOSTS" in answer.text
    assert "evil" not in answer.text


@pytest.mark.parametrize(
    ("host", "environ"),
    [
        ("crashes.example.com", {"CRASHQ_PUBLIC_URL": "https://crashes.example.com/path"}),
        ("crashes.example.com:8443", {"CRASHQ_HOSTS": "other, Crashes.example.com"}),
        ("10.1.2.3:8000", {"CRASHQ_HOSTS": "10.1.0.0/16"}),
        ("[fd00::7]", {"CRASHQ_HOSTS": "fd00::7"}),
        ("192.168.0.7:8000", {"CRASHQ_HOST": "192.168.0.7"}),
        ("whatever.example", {"CRASHQ_HOSTS": "*"}),
        ("10.9.9.9", {"CRASHQ_HOSTS": "*"}),
    ],
)
def test_hosts_that_are_set_are_known(services, member, host, environ):
    assert asked(services, host, headers=member.headers, **environ).status_code == 200
    assert asked(services, "localhost", headers=member.headers, **environ).status_code == 200


@pytest.mark.parametrize("environ", [{}, {"CRASHQ_HOSTS": "*"}])
@pytest.mark.parametrize(
    "host",
    [None, "localhost,localhost", "local host", "localhost:x", "localhost:99999", "a/b", "[::1", "user@localhost", "-"],
)
def test_a_missing_doubled_or_malformed_host_is_400(services, member, host, environ):
    answer = asked(services, host, headers=member.headers, **environ)

    assert (answer.status_code, answer.json["status"]) == (400, "bad_request")


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
@pytest.mark.parametrize("host", ["10.0.0.7:8000", "evil.example", None])
def test_probes_may_name_any_address(services, path, host):
    assert asked(services, host, path).status_code == 200


def test_behind_a_proxy_the_host_is_the_one_that_it_passes_on(services, member):
    environ = {"CRASHQ_TRUSTED_PROXIES": "1", "CRASHQ_HOSTS": "crashes.example.com"}

    def status(forwarded: str) -> int:
        return asked(
            services, "10.0.0.7", headers={**member.headers, "X-Forwarded-Host": forwarded}, **environ
        ).status_code

    assert (status("crashes.example.com"), status("evil.example")) == (200, 400)


@pytest.mark.parametrize(
    ("host", "environ", "warns"),
    [
        (EVERYWHERE[0], {}, True),
        (EVERYWHERE[1], {}, True),
        ("127.0.0.1", {}, False),
        (EVERYWHERE[0], {"CRASHQ_HOSTS": "crashes.example.com"}, False),
        (EVERYWHERE[0], {"CRASHQ_PUBLIC_URL": "https://crashes.example.com"}, False),
    ],
)
def test_a_server_that_others_reach_and_that_knows_no_host_warns_at_its_start(lines, host, environ, warns):
    warn_of_unknown_hosts(Config.from_env(ENVIRON | environ, needs_broker=False), host)

    assert ("CRASHQ_PUBLIC_URL" in lines.getvalue()) is warns
