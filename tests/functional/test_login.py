"""Logging in and out."""

import re
from datetime import timedelta

import pytest

from app.identity import accounts
from tests.factories import PASSWORD

WRONG = {"success": False, "status": "unauthorized", "error_message": "Wrong e-mail or password"}


def test_an_e_mail_and_its_password_give_a_token_that_opens_the_api(client, member):
    answer = client.post("/api/login", json={"email": member.email, "password": PASSWORD})

    token = answer.json["result"]["auth_token"]
    assert answer.status_code == 200
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)
    assert answer.headers["Cache-Control"] == "no-store"
    assert client.get("/api/apps", headers={"Authorization": f"Token {token}"}).status_code == 200


@pytest.mark.parametrize("email", ["ADA@example.com", "Ada@Example.COM"])
def test_the_case_of_an_e_mail_does_not_matter(client, member, email):
    assert client.post("/api/login", json={"email": email, "password": PASSWORD}).status_code == 200


def test_every_login_gives_another_token_and_all_work(client, member):
    tokens = {
        client.post("/api/login", json={"email": member.email, "password": PASSWORD}).json["result"]["auth_token"]
        for _ in range(3)
    }

    assert len(tokens) == 3
    assert all(
        client.get("/api/apps", headers={"Authorization": f"token {token}"}).status_code == 200 for token in tokens
    )


def test_logging_out_ends_the_token_it_is_called_with_and_no_other(client, member):
    other = client.post("/api/login", json={"email": member.email, "password": PASSWORD}).json["result"]["auth_token"]

    answer = client.delete("/api/login", headers=member.headers)

    assert (answer.status_code, answer.json) == (200, {"success": True})
    assert client.get("/api/apps", headers=member.headers).status_code == 401
    assert client.delete("/api/login", headers=member.headers).status_code == 401
    assert client.get("/api/apps", headers={"Authorization": f"Token {other}"}).status_code == 200


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ada@example.com", "wrong"),
        ("ada@example.com", ""),
        ("ada@example.com", PASSWORD + "\0"),
        ("ada@example.com", "x" * 5_000),
        ("nobody@example.com", PASSWORD),
        ("", PASSWORD),
        ("ada@example.com\0", PASSWORD),
        ("x" * 5_000, PASSWORD),
        ("\ud800@example.com", PASSWORD),
        ("ada@example.com", "\udfff"),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_a_wrong_e_mail_and_a_wrong_password_are_the_same_refusal(client, member, email, password):
    answer = client.post("/api/login", json={"email": email, "password": password})

    assert (answer.status_code, answer.json) == (401, WRONG)
    assert answer.headers["WWW-Authenticate"] == "Token"


def test_an_unknown_e_mail_costs_as_much_hashing_as_a_wrong_password(client, member, monkeypatch):
    verified = []

    class CountingHasher(type(accounts._hasher)):
        def verify(self, *args):
            verified.append(args)
            return super().verify(*args)

    monkeypatch.setattr(accounts, "_hasher", CountingHasher(time_cost=1, memory_cost=8, parallelism=1))
    for email in (member.email, "nobody@example.com", "\0", "x" * 300):
        client.post("/api/login", json={"email": email, "password": "wrong"})

    assert len(verified) == 4


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"text"', b"1", b"{}", b'{"email":"a@b"}', b'{"email":1,"password":"x"}', b"\xff\xfe", b"\0",
     b'{"email":null,"password":null}', b'{"email":["a"],"password":{}}', b"[" * 8_000, b'{"a":' * 3_000, b"9" * 5_000],
    ids=lambda body: repr(body[:30]),
)  # fmt: skip
def test_a_body_that_is_no_e_mail_and_password_is_a_bad_request(client, member, body):
    answer = client.post("/api/login", data=body)

    assert (answer.status_code, answer.json["status"]) == (400, "bad_request")


def test_a_body_of_another_type_is_read_as_json_all_the_same(client, member):
    body = f'{{"email":"{member.email}","password":"{PASSWORD}"}}'

    assert client.post("/api/login", data=body, content_type="text/plain").status_code == 200


def test_a_huge_body_is_too_large(client):
    answer = client.post("/api/login", data=b"x" * 20_000)

    assert (answer.status_code, answer.json["status"]) == (413, "payload_too_large")


@pytest.mark.parametrize(
    "header",
    ["", "Token", "Token ", "Bearer {}x", "Bearer",
     "Token {}x", "Token {} extra", "Token x", "Token " + "x" * 5_000, "Basic YTpi", "{}",
     "Token \xff", "Token ../etc/passwd"],
)  # fmt: skip
def test_a_token_that_is_missing_malformed_or_unknown_opens_nothing(client, member, header):
    answer = client.get("/api/apps", headers={"Authorization": header.format(member.token)} if header else {})

    assert answer.status_code == 401
    assert answer.json == {"success": False, "status": "unauthorized",
                           "error_message": "Authentication token missing, unknown or expired"}  # fmt: skip


def test_a_token_runs_out(client, services, member, clock):
    clock.advance(seconds=services.config.token_lifetime - 1)
    assert client.get("/api/apps", headers=member.headers).status_code == 200

    clock.now += timedelta(seconds=1)

    assert client.get("/api/apps", headers=member.headers).status_code == 401


def test_an_ingest_key_reads_nothing(client, member):
    assert client.get("/api/apps", headers=member.sender).status_code == 401


def test_neither_password_nor_token_lies_in_the_database(services, member):
    with services.db.read() as session:
        dump = "\n".join(session.connection().connection.driver_connection.iterdump())

    assert "$argon2id$" in dump
    assert not any(secret in dump for secret in (PASSWORD, member.token, member.ingest_key))
