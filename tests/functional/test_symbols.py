"""Symbols over HTTP: uploaded once, looked into, rejected with a reason, deleted, and seen by nobody else."""

from dataclasses import replace

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from app import create_app
from app.cli import main
from app.config import MIB
from app.db.models.given_symbol_id import GivenSymbolId
from app.sweep import sweep
from tests.factories import make_member
from tests.stores import ready_store

UUID = "0a0b0c0d-0000-4000-8000-00000000000a"
MAPPING = b"""\
com.example.shop.Cart -> a.b:
# {"id":"sourceFile","fileName":"Cart.kt"}
    1:1:int total():21 -> c
"""
SYM = b"""\
MODULE Linux x86_64 0102030405060708090A0B0C0D0E0F100 cart
FILE 0 /src/cart.c
FUNC 1000 20 0 total
1000 20 21 0
"""


@pytest.fixture
def path(member) -> str:
    return f"/api/apps/{member.app.identifier}/symbols"


def send(client, member, path, body=MAPPING, **query) -> dict:
    answer = client.post(path, data=body, query_string=query, headers=member.headers)
    assert answer.status_code == 202, answer.json
    return answer.json["result"]


def test_a_file_is_received_then_ready_with_the_ids_it_names(client, member, path, run_workers):
    received = send(client, member, path, SYM, name="cart.sym")
    run_workers()
    shown = client.get(f"{path}/{received['identifier']}", headers=member.headers).json["result"]

    assert (received["state"], received["kind"], received["debug_ids"]) == ("received", None, [])
    assert (shown["state"], shown["kind"], shown["name"]) == ("ready", "breakpad", "cart.sym")
    assert shown["debug_ids"] == ["01020304-0506-0708-090a-0b0c0d0e0f10"]


def test_the_same_bytes_again_answer_with_the_file_that_is_there(client, member, path, services, run_workers):
    first = send(client, member, path)
    run_workers()
    again = send(client, member, path, name="other.txt")
    other_version = send(client, member, path, version="2.0")

    assert (again["identifier"], again["state"]) == (first["identifier"], "ready")
    assert other_version["identifier"] != first["identifier"]
    assert (
        len(list(services.storage.list("symbols"))) == 3
    )  # the first one's bytes and what was made of it; the other's
    listed = client.get(path, headers=member.headers).json["result"]
    assert [one["identifier"] for one in listed] == [other_version["identifier"], first["identifier"]]


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"\x00 rubbish", "mapping"), (b"\x7fELF rubbish", "debug information"), (b"MODULE nothing", "debug information"),
     (b"a -> b:\n", "mapping")],
)  # fmt: skip
def test_what_is_no_file_of_symbols_is_rejected_with_the_reason(client, member, path, run_workers, body, reason):
    received = send(client, member, path, body)
    run_workers()
    shown = client.get(f"{path}/{received['identifier']}", headers=member.headers).json["result"]

    assert shown["state"] == "rejected"
    assert reason in shown["reason"]


def test_a_lost_message_is_enqueued_again_by_the_sweep(client, member, path, services, clock, run_workers):
    received = send(client, member, path)
    services.broker.messages.clear()
    clock.advance(seconds=6)
    sweep(services)
    run_workers()

    assert client.get(f"{path}/{received['identifier']}", headers=member.headers).json["result"]["state"] == "ready"


def test_deleting_leaves_neither_row_nor_object(client, member, path, services, run_workers):
    one = f"{path}/{send(client, member, path, SYM)['identifier']}"
    run_workers()
    objects = [stat.key for stat in services.storage.list("symbols")]

    assert len(objects) == 2
    assert client.delete(one, headers=member.headers).json == {"success": True}
    assert list(services.storage.list("symbols")) == []
    assert client.get(one, headers=member.headers).status_code == 404
    assert client.get(path, headers=member.headers).json["result"] == []


def test_a_file_deleted_before_a_worker_came_is_left_alone(client, member, path, services, run_workers):
    one = f"{path}/{send(client, member, path)['identifier']}"
    client.delete(one, headers=member.headers)
    run_workers()

    assert list(services.storage.list("symbols")) == []


def test_nobody_but_members_sees_or_changes_them(client, services, member, path, run_workers):
    stranger = make_member(services, "mallory@example.com")
    one = f"{path}/{send(client, member, path)['identifier']}"
    other = f"/api/apps/{stranger.app.identifier}/symbols/{one.rpartition('/')[2]}"

    for answer in (
        client.post(path, data=MAPPING, headers=stranger.headers), client.get(path, headers=stranger.headers),
        client.get(one, headers=stranger.headers), client.delete(one, headers=stranger.headers),
        client.get(other, headers=stranger.headers), client.delete(other, headers=stranger.headers),
    ):  # fmt: skip
        assert answer.status_code == 404
    assert client.post(path, data=MAPPING, headers=member.sender).status_code == 401
    assert client.get(one, headers=member.headers).status_code == 200


@pytest.mark.parametrize(
    ("query", "headers", "body", "status"),
    [({"name": "a\nb"}, {}, MAPPING, 400), ({"name": "x" * 201}, {}, MAPPING, 400), ({"version": "\0"}, {}, MAPPING, 400),
     ({"app": "x"}, {}, MAPPING, 400), ({}, {}, b"", 400), ({}, {"Content-Encoding": "gzip"}, MAPPING, 415)],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_and_nothing_is_kept(
    client, services, member, path, query, headers, body, status
):
    answer = client.post(path, data=body, query_string=query, headers={**member.headers, **headers})

    assert answer.status_code == status
    assert list(answer.json) == ["success", "status", "error_message"]
    assert list(services.storage.list("symbols")) == []
    assert client.get(path, headers=member.headers).json["result"] == []


def test_a_file_above_the_limit_is_refused_although_it_does_not_tell_its_length(services, member, path):
    small = replace(services, config=replace(services.config, max_symbol_bytes=MIB))
    client = create_app(small).test_client()

    told = client.post(path, data=b"x" * (MIB + 1), headers=member.headers)
    chunked = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    untold = client.post(path, data=b"x" * (MIB + 1), headers=member.headers, environ_overrides=chunked)

    assert (told.status_code, untold.status_code) == (413, 413)
    assert list(services.storage.list("symbols")) == []


def test_the_command_adds_files_and_tells_which_it_could_not(services, member, tmp_path, monkeypatch):
    ready_store((tmp_path / "objects").as_uri())
    monkeypatch.setenv("DATABASE_URL", services.config.database_url)
    monkeypatch.setenv("STORAGE_URL", (tmp_path / "objects").as_uri())
    monkeypatch.setenv("SECRET_KEY", services.config.secret_key)
    (tmp_path / "cart.sym").write_bytes(SYM)
    (tmp_path / "empty").touch()
    command = ["symbols", "add", "--app", member.app.identifier, "--data-dir", str(tmp_path)]

    ran = CliRunner().invoke(main, [*command, str(tmp_path / "cart.sym"), str(tmp_path / "empty")])

    assert ran.exit_code == 1
    assert "cart.sym: received as" in ran.output
    assert "empty: not added: The body is empty" in ran.output


def test_the_command_gives_a_mapping_the_id_that_it_is_told(client, services, member, path, tmp_path, monkeypatch):
    ready_store((tmp_path / "objects").as_uri())
    monkeypatch.setenv("DATABASE_URL", services.config.database_url)
    monkeypatch.setenv("STORAGE_URL", (tmp_path / "objects").as_uri())
    monkeypatch.setenv("SECRET_KEY", services.config.secret_key)
    (tmp_path / "mapping.txt").write_bytes(MAPPING)
    command = ["symbols", "add", "--app", member.app.identifier, "--data-dir", str(tmp_path)]

    wrong = CliRunner().invoke(main, [*command, "--debug-id", "none", str(tmp_path / "mapping.txt")])
    nothing = client.get(path, headers=member.headers).json["result"]
    right = CliRunner().invoke(main, [*command, "--debug-id", UUID.upper(), str(tmp_path / "mapping.txt")])

    assert (wrong.exit_code, nothing, right.exit_code) == (1, [], 0)
    assert "debug_id is no debug id" in wrong.output
    with services.db.read() as session:
        assert session.scalars(select(GivenSymbolId.debug_id)).all() == [UUID]


@pytest.mark.parametrize("state", ["received", "ready"])
def test_an_id_given_at_upload_or_with_the_same_bytes_later_is_found(client, member, path, run_workers, state):
    other = "0a0b0c0d-0000-4000-8000-00000000000b"
    first = send(client, member, path, debug_id=UUID)
    if state == "ready":
        run_workers()
    again = send(client, member, path, name=f"{other}.txt")
    run_workers()
    shown = client.get(f"{path}/{first['identifier']}", headers=member.headers).json["result"]
    refused = client.post(path, data=MAPPING, query_string={"debug_id": "x"}, headers=member.headers)

    assert again["identifier"] == first["identifier"]
    assert {UUID, other} < set(shown["debug_ids"])
    assert refused.status_code == 400
