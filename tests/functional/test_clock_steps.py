"""Logins, keys and links when the clock is set: what has run out stays so, and nothing lives for ever."""

import pytest

from app.privacy.retention import remove_what_is_old
from app.sweep import sweep
from tests.factories import PASSWORD
from tests.uploads import digested, export_url

YEAR, HOUR, SOON = 365 * 86_400, 3_600, 60


def new_token(client, member) -> str:
    answer = client.post("/api/login", json={"email": member.email, "password": PASSWORD})
    return str(answer.json["result"]["auth_token"])


def status(client, token: str) -> int:
    return int(client.get("/api/apps", headers={"Authorization": f"Token {token}"}).status_code)


def test_a_login_that_has_run_out_stays_so_when_the_clock_is_set_back(services, client, member, clock):
    token = new_token(client, member)
    clock.advance(seconds=services.config.token_lifetime + SOON)
    assert status(client, token) == 401
    sweep(services)

    clock.advance(seconds=-HOUR)

    assert status(client, token) == 401


@pytest.mark.parametrize(("ahead", "expected"), [(YEAR, 401), (SOON, 200)])
def test_a_login_made_by_a_clock_far_ahead_does_not_outlive_its_being_set_right(
    services, client, member, clock, ahead, expected
):
    clock.advance(seconds=ahead)
    token = new_token(client, member)
    assert status(client, token) == 200

    clock.advance(seconds=-ahead)
    remove_what_is_old(services)

    assert status(client, token) == expected


def test_a_personal_key_made_by_a_clock_far_ahead_does_not_either(services, client, member, clock):
    clock.advance(seconds=YEAR)
    headers = {"Authorization": f"Token {new_token(client, member)}"}
    made = client.post("/api/tokens", json={"name": "nightly"}, headers=headers)
    key = made.json["result"]["token"]
    assert status(client, key) == 200

    clock.advance(seconds=-YEAR)
    remove_what_is_old(services)

    assert status(client, key) == 401


def test_a_signed_link_that_has_run_out_stays_so_when_the_clock_is_set_back(
    services, client, member, run_workers, clock
):
    url = export_url(digested(client, member, run_workers))
    client.get(url, headers=member.headers)
    run_workers()
    link = client.get(url, headers=member.headers).json["result"]["url"]
    assert client.get(link).status_code == 200

    clock.advance(seconds=services.config.result_lifetime + SOON)
    assert client.get(link).status_code == 410
    sweep(services)
    clock.advance(seconds=-HOUR)

    assert client.get(link).status_code == 410
