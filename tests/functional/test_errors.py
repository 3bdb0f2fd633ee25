"""Every error has the contract's shape and tells nothing of the server's inside."""

import re

import pytest

from app.db import Database
from app.errors import TransientError
from app.identity import accounts


def is_contract_shaped(answer) -> bool:
    return list(answer.json) == ["success", "status", "error_message"] and answer.json["success"] is False


@pytest.mark.parametrize(
    ("method", "path", "status", "word"),
    [
        ("GET", "/api/nowhere", 404, "not_found"),
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/api/apps/", 404, "not_found"),
        ("GET", "/api//apps", 404, "not_found"),
        ("GET", "/api/crashes/a/b/c/occurrences", 404, "not_found"),
        ("GET", "/%00%FF/../x", 404, "not_found"),
        ("PUT", "/api/apps", 405, "method_not_allowed"),
        ("PUT", "/api/login", 405, "method_not_allowed"),
        ("GET", "/api/login", 405, "method_not_allowed"),
        ("PATCH", "/healthz", 405, "method_not_allowed"),
        ("BREW", "/api/jobs", 405, "method_not_allowed"),
    ],
)
def test_the_frameworks_own_errors_have_the_contracts_shape(client, method, path, status, word):
    answer = client.open(path, method=method)

    assert (answer.status_code, answer.json["status"]) == (status, word)
    assert is_contract_shaped(answer)


def test_a_wrong_method_tells_the_right_ones(client):
    assert client.put("/api/login").headers["Allow"] == "DELETE, OPTIONS, POST"


def test_a_handler_that_breaks_tells_nothing_of_why(client, member, monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError("SELECT token FROM /var/lib/secret")

    monkeypatch.setattr(accounts, "user_of", broken)

    answer = client.get("/api/apps", headers=member.headers)

    assert answer.status_code == 500
    assert (
        answer.data
        == b'{"success":false,"status":"internal_error","error_message":"Something went wrong on the server"}'
    )


def test_a_database_that_is_away_is_unavailable_and_says_when_to_come_back(client, member, monkeypatch):
    def away(*_: object) -> None:
        raise TransientError("The database is unavailable, try again")

    monkeypatch.setattr(Database, "read", away)

    answer = client.get("/api/apps", headers=member.headers)

    assert (answer.status_code, answer.json["status"], answer.headers["Retry-After"]) == (503, "unavailable", "2")
    assert is_contract_shaped(answer)


@pytest.mark.parametrize("path", ["/healthz", "/api/nowhere", "/api/apps"])
def test_a_sane_request_id_comes_back_on_every_answer(client, path):
    assert client.get(path, headers={"X-Request-Id": "mine-1.2_3"}).headers["X-Request-Id"] == "mine-1.2_3"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "\xff", "<script>", "a;b"])
def test_any_other_request_id_is_replaced(client, given):
    assert re.fullmatch(
        r"[0-9a-f]{16}", client.get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"]
    )


def test_a_request_id_follows_the_work_into_its_rows(client, services, member):
    from_client = {**member.headers, "X-Request-Id": "upload-1"}

    client.post(f"/api/apps/{member.app.identifier}/logs?log_id=a", data=b"x", headers=from_client)

    with services.db.read() as session:
        found = session.connection().exec_driver_sql("SELECT request_id FROM logs").scalar()
    assert found == "upload-1"


def test_options_and_head_are_answered(client):
    assert client.options("/api/apps").status_code == 200
    assert client.head("/healthz").status_code == 200


def test_no_error_is_kept_by_a_cache(client):
    assert client.get("/api/apps").headers["Cache-Control"] == "no-store"
