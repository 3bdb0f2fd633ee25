"""Somebody who guesses passwords, at the API and at the console's form."""

import threading
from dataclasses import replace

import pytest
from limits.storage import MemoryStorage

from app import create_app
from app.identity import login_limits
from app.identity.login_limits import HASHES_AT_ONCE, LOGINS_AT_ONCE, hashing
from app.queueing.rate_limit import RateLimit
from tests.at_once import at_once
from tests.factories import PASSWORD, make_member
from tests.system.conftest import until

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


def test_wrong_passwords_that_come_at_once_are_counted_before_they_are_tried(guarded):
    statuses: list[int] = []

    raised = at_once(3, lambda _: [statuses.append(log_in(guarded, "wrong").status_code) for _ in range(4)])

    assert not raised
    assert statuses.count(401) == 2
    assert statuses.count(429) == 10


def from_address(client, email: str, address: str, secret: str | None = None) -> int:
    answer = client.post(
        "/api/login", json={"email": email, "password": secret or "wrong"}, environ_overrides={"REMOTE_ADDR": address}
    )
    return answer.status_code


def test_one_address_tries_a_few_e_mails_and_others_log_in_meanwhile(guarded):
    tried = [from_address(guarded, f"{number}@example.com", "8.8.8.8") for number in range(21)]

    assert tried == [401] * 20 + [429]
    assert from_address(guarded, EMAIL, "8.8.8.8", PASSWORD) == 429
    assert from_address(guarded, EMAIL, "8.8.4.4", PASSWORD) == 200


def test_what_may_be_a_proxy_without_being_trusted_is_no_address_of_one_sender(guarded):
    tried = [from_address(guarded, f"{number}@example.com", "10.0.0.1") for number in range(25)]

    assert set(tried) == {401}


def test_a_process_hashes_few_passwords_at_once_and_tells_the_others_to_come_back(guarded):
    everybody_is_there, go_on = threading.Barrier(HASHES_AT_ONCE + 1), threading.Event()

    def busy() -> None:
        with hashing():
            everybody_is_there.wait()
            go_on.wait()

    def waits() -> None:
        with hashing():
            pass

    working = [threading.Thread(target=busy) for _ in range(HASHES_AT_ONCE)]
    for thread in working:
        thread.start()
    everybody_is_there.wait()
    waiting = [threading.Thread(target=waits) for _ in range(LOGINS_AT_ONCE - HASHES_AT_ONCE)]
    for thread in waiting:
        thread.start()
    until(lambda: login_limits._logins._value == 0, "all places to be taken")
    refused = log_in(guarded, PASSWORD)
    go_on.set()
    for thread in working + waiting:
        thread.join()

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert log_in(guarded, PASSWORD).status_code == 200
