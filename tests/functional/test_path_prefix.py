"""Behind a proxy that serves us below a path: every address that we give begins with it."""

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from app import create_app
from tests.console import Page
from tests.factories import NOON, PASSWORD, kscrash, make_crash
from tests.uploads import digested, export_url

PREFIX, HOST = "/our-crashes", "https://example.com"
ADDRESSES = {"href", "src", "action", "formaction", "poster"}
OWN = {"Origin": HOST}


def by_setting(services):
    """Clients reach us as the public URL says."""
    config = replace(services.config, public_url=f"{HOST}{PREFIX}")
    return create_app(replace(services, config=config)).test_client(), {}


def by_proxy(services):
    """A proxy that is trusted says how."""
    config = replace(services.config, trusted_proxies=1, hosts=("example.com",))
    told = {"X-Forwarded-Prefix": PREFIX, "X-Forwarded-Host": "example.com", "X-Forwarded-Proto": "https"}
    return create_app(replace(services, config=config)).test_client(), told


@pytest.fixture(params=[by_setting, by_proxy])
def served(request, services):
    """(client of the service below a prefix, the headers that its proxy adds)."""
    return request.param(services)


def is_below(address: str) -> bool:
    return address.startswith((f"{PREFIX}/", f"{HOST}{PREFIX}/")) or address in (PREFIX, f"{HOST}{PREFIX}")


def test_the_next_page_of_every_list_is_below_the_prefix(services, member, served):
    client, told = served
    for day in range(2):
        make_crash(services, member.app, newest=NOON - timedelta(days=9 * day))
    app = f"/api/apps/{member.app.identifier}"
    for crash in client.get(f"{app}/crashes", headers={**member.headers, **told}).json["result"]:
        client.get(f"/api/crashes/{crash['identifier']}/occurrences", headers={**member.headers, **told})

    for path in (f"{app}/crashes", f"{app}/logs", "/api/jobs"):
        answer = client.get(f"{path}?per_page=1", headers={**member.headers, **told})
        [following] = re.findall(r"<(.*?)>", answer.headers["Link"])
        assert is_below(following), path
        again = client.get(following.removeprefix(PREFIX), headers={**member.headers, **told})
        assert (again.status_code, len(again.json["result"])) == (200, 1), path


def test_the_description_names_the_prefix_as_its_server(served):
    client, told = served

    document = client.get("/api/openapi.json", headers=told).json

    assert document["servers"] == [{"url": PREFIX}]


def test_links_and_senders_addresses_are_below_the_prefix(services, member, served, run_workers):
    client, told = served
    headers = {**member.headers, **told}
    url = export_url(digested(client, member, run_workers, kscrash()), format="txt")
    client.get(url, headers=headers)
    run_workers()

    report = client.get(url, headers=headers).json["result"]["url"]
    [key] = client.get(f"/api/apps/{member.app.identifier}/keys", headers=headers).json["result"]
    erasure = client.delete(f"/api/apps/{member.app.identifier}/users/ada", headers=headers)

    assert is_below(report)
    assert client.get(report.removeprefix(f"{HOST}{PREFIX}"), headers=told).status_code == 200
    assert re.fullmatch(rf"https://\w+@example\.com{PREFIX}/\d+", key["dsn"])
    assert is_below(erasure.headers["Location"])
    assert all(map(is_below, re.findall(r'"\w*url":"(.*?)"', json.dumps(erasure.json, separators=(",", ":")))))


def test_the_console_is_below_the_prefix_from_signing_in_to_its_files(services, member, served):
    client, told = served
    client.environ_base.update({f"HTTP_{name.upper().replace('-', '_')}": value for name, value in told.items()})
    crash = make_crash(services, member.app)

    first = client.get("/", headers={"Accept": "text/html"})
    signed_in = client.post("/sign-in", data={"email": member.email, "password": PASSWORD}, headers=OWN, base_url=HOST)
    assert (first.status_code, signed_in.status_code) == (303, 303)
    assert is_below(first.location)
    assert is_below(signed_in.location)

    app, seen = f"/apps/{member.app.identifier}", set()
    for path in (
        "/",
        "/apps",
        f"{app}/crashes",
        f"{app}/logs",
        f"{app}/settings",
        "/jobs",
        f"/crashes/{crash.identifier}",
        "/docs",
    ):
        answer = client.get(path, base_url=HOST, follow_redirects=False)
        if answer.status_code in (302, 303, 308):
            assert is_below(answer.location), path
            continue
        assert answer.status_code == 200, path
        for _, attributes in Page(answer.text).elements:
            found = [value for name, value in attributes.items() if name in ADDRESSES and value]
            seen.update(value for value in found if value.startswith(("/", "http")))
    assert len(seen) > 20
    assert [address for address in seen if not is_below(address)] == []
    for address in [address for address in seen if "/static/" in address]:
        assert client.get(address.removeprefix(PREFIX).partition("#")[0], base_url=HOST).status_code == 200


def test_without_a_prefix_nothing_is_put_before(client, member, services):
    for day in range(2):
        make_crash(services, member.app, newest=NOON - timedelta(days=9 * day))

    answer = client.get(f"/api/apps/{member.app.identifier}/crashes?per_page=1", headers=member.headers)

    assert answer.headers["Link"].startswith("</api/apps/")
    assert client.get("/api/openapi.json").json["servers"] == [{"url": "/"}]
