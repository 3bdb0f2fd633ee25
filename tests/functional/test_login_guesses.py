"""Somebody who guesses passwords, at the API and at the console's form."""

from dataclasses import replace

import pytest
from limits.storage import MemoryStorage

from app import create_app
from app.rate_limit import RateLimit
from tests.factories import PASSWORD, make_member

EMAIL = "ada@example.com"


@pytest.fixture
def guarded(services, member):
    """A client of a service where two wrong passwords a minute are heard."""
    make_member(services, "grace@example.com", "Maps")
    config = replace(services.config, wrong_passwords_per_minute=2)
    return create_app(replace(services, config=config, rate_limit=RateLimit(MemoryStorage()))).test_client()


def log_in(client, password: str, email: str = EMAIL):
    return client.post("/api/login", json={"email": email, "password": password})


def test_after_two_wrong_passwords_not_even_the_right_one_is_tried_until_the_minute_is_over(guarded):
    answers = [log_in(guarded, password) for password in ("wrong one", "wrong two", PASSWORD)]

    refused = answers[2]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.json["status"] == "too_many_requests"


def test_case_makes_no_other_e_mail(guarded):
    log_in(guarded, "wrong one"), log_in(guarded, "wrong two", EMAIL.upper())

    assert log_in(guarded, PASSWORD).status_code == 429


def test_an_e_mail_that_nobody_has_is_answered_alike(guarded):
    answers = [log_in(guarded, "wrong", "nobody@example.com").status_code for _ in range(3)]

    assert answers == [401, 401, 429]


def test_others_log_in_meanwhile(guarded):
    for _ in range(3):
        log_in(guarded, "wrong")

    assert log_in(guarded, PASSWORD, "grace@example.com").status_code == 200


def test_right_passwords_are_not_counted(guarded):
    assert [log_in(guarded, PASSWORD).status_code for _ in range(5)] == [200] * 5


def test_the_form_says_how_long_to_wait(guarded):
    form = {"email": EMAIL, "password": "wrong", "next": ""}
    origin = {"Origin": "http://localhost"}
    answers = [guarded.post("/sign-in", data=form, headers=origin) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert "Too many wrong passwords for this e-mail" in answers[2].text
    assert int(answers[2].headers["Retry-After"]) >= 1
