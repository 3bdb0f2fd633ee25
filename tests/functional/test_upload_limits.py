"""What Sentry's tools may send: bounded chunks, of their owner, cleaned up; and what an upload key may not do."""

import gzip
import io
from dataclasses import replace

import pytest
from click.testing import CliRunner
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from app import create_app
from app.cli import main
from app.config import MIB
from app.privacy.retention import remove_what_is_old
from tests.build_tools import CHUNKS, assemble, cut, send_chunks, sent, sha1
from tests.factories import make_member
from tests.symbols import sym

ID = "01020304-0506-0708-090a-0b0c0d0e0f10"
SYM = sym(ID, *(f"function_{number}" for number in range(60)))


@pytest.fixture
def key(client, member) -> dict[str, str]:
    made = client.post(f"/api/apps/{member.app.identifier}/upload_keys", json={"name": "CI"}, headers=member.headers)
    return {"Authorization": f"Bearer {made.json['result']['key']}"}


def stored(services) -> int:
    return len(list(services.storage.list("symbols")))


def test_an_upload_key_sends_symbols_of_its_app(client, member, key, run_workers):
    state = sent(client, key, member.app.identifier, SYM)
    run_workers()

    assert state["state"] == "created"
    assert assemble(client, key, member.app.id, SYM).json[sha1(SYM)]["state"] == "ok"


@pytest.mark.parametrize("scheme", ["Bearer", "Token"])
def test_an_upload_key_sends_a_file_in_one_piece(client, services, member, key, scheme):
    path = f"/api/apps/{member.app.identifier}/symbols"
    headers = {"Authorization": f"{scheme} {key['Authorization'][7:]}"}
    other = make_member(services, "bob@example.com").app.identifier

    assert client.post(f"{path}?name=cart.sym", data=SYM, headers=headers).status_code == 202
    assert client.post(f"/api/apps/{other}/symbols", data=SYM, headers=headers).status_code == 404
    assert client.post(f"/api/apps/{member.app.id}/symbols", data=SYM, headers=headers).status_code == 404
    ingest = {"Authorization": f"Token {member.ingest_key}"}
    assert client.post(path, data=SYM, headers=ingest).status_code == 401


def test_an_upload_key_opens_nothing_else(client, member, key):
    app = f"/api/apps/{member.app.identifier}"

    for method, path in (
        ("get", "/api/apps"), ("get", f"{app}/crashes"), ("get", f"{app}/symbols"), ("get", f"{app}/upload_keys"),
        ("post", f"{app}/symbols/uploads"),
        ("post", f"{app}/logs"), ("delete", "/api/login"), ("post", "/api/tokens"),
        ("post", f"/api/{member.app.id}/store/?sentry_key={key['Authorization'][7:]}"),
    ):  # fmt: skip
        assert (path, getattr(client, method)(path, headers=key).status_code) == (path, 401)
    assert client.get(CHUNKS, headers={"Authorization": f"Bearer {member.ingest_key}"}).status_code == 401


def test_the_operator_makes_a_key_at_the_command_line(client, services, member, tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", services.config.database_url)
    monkeypatch.setenv("SECRET_KEY", services.config.secret_key)
    command = ["app", "upload-key", "--data-dir", str(tmp_path)]

    made = CliRunner().invoke(main, [*command, member.app.identifier, "--name", "CI"])
    unknown = CliRunner().invoke(main, [*command, "0" * 24])

    lines = dict(line.split(": ") for line in made.output.splitlines())
    assert client.get(CHUNKS, headers={"Authorization": f"Bearer {lines['upload key']}"}).status_code == 200
    [listed] = client.get(f"/api/apps/{member.app.identifier}/upload_keys", headers=member.headers).json["result"]
    assert (listed["identifier"], listed["name"]) == (lines["key identifier"], "CI")
    assert (unknown.exit_code, "There is no app" in unknown.output) == (1, True)


def test_a_revoked_key_sends_nothing(client, member, key):
    path = f"/api/apps/{member.app.identifier}/upload_keys"
    [listed] = client.get(path, headers=member.headers).json["result"]
    client.delete(f"{path}/{listed['identifier']}", headers=member.headers)

    assert set(listed) == {"identifier", "name", "created_at"}
    assert client.get(CHUNKS, headers=key).status_code == 401


def test_chunks_of_a_key_and_of_a_member_are_apart(client, member, key):
    send_chunks(client, key, *cut(SYM))
    told = assemble(client, {"Authorization": f"Bearer {member.token}"}, member.app.id, SYM).json[sha1(SYM)]

    assert told["missingChunks"] == [sha1(one) for one in cut(SYM)]


def test_more_chunks_than_may_wait_are_refused_until_files_are_made_of_them(services, member, run_workers):
    client = create_app(replace(services, config=replace(services.config, max_chunk_bytes=16_000))).test_client()
    bearer = {"Authorization": f"Bearer {member.token}"}
    sent(client, bearer, member.app.id, SYM)
    other = sym("11121314-1516-1718-191a-1b1c1d1e1f20", *(f"other_{number}" for number in range(60)))
    refused = send_chunks(client, bearer, *cut(other))
    run_workers()
    again = send_chunks(client, bearer, *cut(other))

    assert (refused.status_code, "16000 bytes" in refused.json["error_message"]) == (409, True)
    assert again.status_code == 200


def test_chunks_that_nobody_asks_for_are_deleted_after_a_day_and_those_of_a_waiting_file_are_not(
    client, services, member, key, clock
):
    send_chunks(client, key, b"nobody asks for this")
    sent(client, key, member.app.id, SYM)
    clock.advance(hours=25)
    removed = remove_what_is_old(services)

    assert removed >= 1
    assert stored(services) == len(cut(SYM))


def test_a_file_deleted_before_a_worker_came_leaves_its_chunks_to_others(client, services, member, key, run_workers):
    sent(client, key, member.app.id, SYM)
    path = f"/api/apps/{member.app.identifier}/symbols"
    [shown] = client.get(path, headers=member.headers).json["result"]
    client.delete(f"{path}/{shown['identifier']}", headers=member.headers)
    remove_what_is_old(services)
    again = assemble(client, key, member.app.id, SYM).json[sha1(SYM)]
    run_workers()

    assert shown["sha256"] is None
    assert again["state"] == "created"
    assert assemble(client, key, member.app.id, SYM).json[sha1(SYM)]["state"] == "ok"


@pytest.mark.parametrize(
    ("field", "name", "content", "status"),
    [
        ("file", "", b"x", 400), ("file", "x", b"x", 400), ("other", sha1(b"x"), b"x", 400),
        ("file", sha1(b"x").upper(), b"x", 400), ("file", sha1(b"x"), b"y", 400), ("file_gzip", sha1(b"x"), b"x", 400),
        ("file_gzip", sha1(b"x"), gzip.compress(b"x", mtime=0)[:-4], 400),
        ("file_gzip", sha1(b""), gzip.compress(bytes(9 * MIB)), 413), ("file", sha1(b"x"), bytes(8 * MIB + 1), 413),
        ("file", sha1(b"x"), bytes(33 * MIB), 413),
    ],
)  # fmt: skip
def test_chunks_that_are_none_are_refused_and_nothing_is_stored(client, services, key, field, name, content, status):
    boundary, form = encode_multipart({field: FileStorage(io.BytesIO(content), name)})
    answer = client.post(CHUNKS, data=form, content_type=f"multipart/form-data; boundary={boundary}", headers=key)

    assert (answer.status_code, answer.json["success"]) == (status, False)
    assert stored(services) == 0


def test_sentry_cli_is_told_in_the_one_shape_that_it_shows(client, member, key):
    agent = {**key, "User-Agent": "sentry-cli/2.58.6"}
    answer = send_chunks(client, agent, b"x", name="0" * 40)
    unknown = client.get("/api/0/organizations/any/unknown/", headers=agent)
    sent_by = {"X-Sentry-Auth": f"Sentry sentry_key={member.ingest_key}"}
    damaged = client.post(f"/api/{member.app.id}/envelope/", data=b"no JSON\n", headers={**agent, **sent_by})

    assert answer.json == {"detail": f"The chunk {'0' * 40} is damaged: it has another SHA-1"}
    assert (unknown.status_code, list(unknown.json)) == (404, ["detail"])
    assert (damaged.status_code, list(damaged.json)) == (400, ["detail"])


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("projects/any/1/issues/?query=&cursor=", "Issues are crashes here"), ("projects/any/1/events/?cursor=", "Events and logs"),
     ("organizations/any/events/?dataset=logs", "Events and logs"), ("organizations/any/monitors/", "Monitors are not"),
     ("projects/any/1/files/preprodartifacts/assemble/", "Builds and snapshots"),
     ("organizations/any/preprodartifacts/1/install-details/", "Builds and snapshots"),
     ("organizations/any/code-mappings/bulk/", "Code mappings"), ("projects/any/1/files/source-maps/", "Files of a release")],
)  # fmt: skip
def test_sentry_cli_is_told_what_is_not_supported_by_a_status_whose_sentence_it_shows(client, key, path, sentence):
    told = client.get(f"/api/0/{path}", headers={**key, "User-Agent": "sentry-cli/3.8.0"})

    assert (told.status_code, told.json["detail"].startswith(sentence)) == (400, True)
    assert client.get(f"/api/0/{path}", headers=key).status_code == 404


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{", b'{"x":{}}', b'{"%s":[]}' % (b"0" * 40), b'{"%s":{"chunks":["x"]}}' % (b"0" * 40),
     b'{"%s":{"chunks":[1]}}' % (b"0" * 40), b'{"%s":{"debug_id":"x","chunks":[]}}' % (b"0" * 40),
     b'{"%s":{"name":"a\\u0000","chunks":[]}}' % (b"0" * 40), b'{"%s":{"debug_id":"\\ud800","chunks":[]}}' % (b"0" * 40)],
)  # fmt: skip
def test_a_request_for_files_that_makes_no_sense_is_refused(client, member, key, body):
    answer = client.post(f"/api/0/projects/any/{member.app.id}/files/difs/assemble/", data=body, headers=key)

    assert answer.status_code == 400, answer.data


@pytest.mark.parametrize("project", ["0", "999", "9" * 30, "x", "%00", "\u0663"])
def test_an_app_that_is_not_there_is_not_found(client, key, project):
    assert client.post(f"/api/0/projects/any/{project}/files/difs/assemble/", headers=key).status_code == 404
