"""Sentry's upload API: files come in chunks, are put together once all are there, and name what they are found by."""

import pytest

from app.privacy.retention import remove_what_is_old
from tests.build_tools import CHUNKS, assemble, cut, send_chunks, sent, sha1
from tests.factories import make_member
from tests.symbols import mapping, sym

ID = "01020304-0506-0708-090a-0b0c0d0e0f10"
SYM = sym(ID, *(f"function_{number}" for number in range(60)))


@pytest.fixture
def bearer(member) -> dict[str, str]:
    return {"Authorization": f"Bearer {member.token}"}


def symbols_of(client, member) -> list[dict]:
    return client.get(f"/api/apps/{member.app.identifier}/symbols", headers=member.headers).json["result"]


def test_a_tool_learns_where_and_how_to_send_chunks(client, bearer):
    told = client.get(CHUNKS, headers=bearer).json

    assert told["url"] == "http://localhost/api/0/organizations/crashq/chunk-upload/"
    assert (told["chunkSize"], told["hashAlgorithm"], told["compression"]) == (8 * 1024 * 1024, "sha1", ["gzip"])
    assert {"debug_files", "proguard", "artifact_bundles_v2"} <= set(told["accept"])


@pytest.mark.parametrize("by", ["identifier", "id"])
def test_a_file_of_chunks_becomes_symbols_of_its_app(client, member, bearer, run_workers, by):
    project = getattr(member.app, by)
    first = assemble(client, bearer, project, SYM).json[sha1(SYM)]
    created = sent(client, bearer, project, SYM)
    run_workers()
    done = assemble(client, bearer, project, SYM).json[sha1(SYM)]
    [shown] = symbols_of(client, member)

    assert (first["state"], first["missingChunks"]) == ("not_found", [sha1(one) for one in cut(SYM)])
    assert (created["state"], created["missingChunks"]) == ("created", [])
    assert (done["state"], done["dif"]["debugId"], done["dif"]["objectName"]) == ("ok", ID, "cart.sym")
    assert (shown["state"], shown["size"], shown["debug_ids"]) == ("ready", len(SYM), [ID])


def test_chunks_that_are_there_need_not_be_sent_again_and_go_with_their_file(
    client, member, services, bearer, run_workers
):
    send_chunks(client, bearer, *cut(SYM)[:2])
    again = send_chunks(client, bearer, *cut(SYM)[:2])
    told = assemble(client, bearer, member.app.id, SYM).json[sha1(SYM)]
    stored = len(list(services.storage.list("symbols")))
    sent(client, bearer, member.app.id, SYM)
    run_workers()

    assert (again.status_code, stored) == (200, 2)
    assert told["missingChunks"] == [sha1(one) for one in cut(SYM)[2:]]
    remove_what_is_old(services)
    assert len(list(services.storage.list("symbols"))) == 2  # the file and what was made of it


@pytest.mark.parametrize("which", [0, 1])
def test_a_file_whose_objects_the_store_has_lost_is_asked_for_again(
    client, member, services, bearer, run_workers, which
):
    sent(client, bearer, member.app.id, SYM)
    run_workers()
    remove_what_is_old(services)
    services.storage.delete(sorted(one.key for one in services.storage.list("symbols"))[which])

    lost = assemble(client, bearer, member.app.id, SYM).json[sha1(SYM)]
    sent(client, bearer, member.app.id, SYM)
    run_workers()

    assert (lost["state"], lost["missingChunks"]) == ("not_found", [sha1(one) for one in cut(SYM)])
    assert assemble(client, bearer, member.app.id, SYM).json[sha1(SYM)]["state"] == "ok"
    assert [one["state"] for one in symbols_of(client, member)] == ["ready"]


def test_the_same_bytes_sent_both_ways_are_one_file(client, member, bearer, run_workers):
    path = f"/api/apps/{member.app.identifier}/symbols"
    client.post(path, data=SYM, headers=member.headers)
    run_workers()
    sent(client, bearer, member.app.id, SYM)
    run_workers()

    assert assemble(client, bearer, member.app.id, SYM).json[sha1(SYM)]["state"] == "ok"
    assert len(symbols_of(client, member)) == 1


def test_the_uuid_in_the_name_of_a_mapping_is_found(client, member, bearer, run_workers):
    one, other = "0a0b0c0d-0000-4000-8000-00000000000a", "0a0b0c0d-0000-4000-8000-00000000000b"
    content = mapping("a.b", "total")
    sent(client, bearer, member.app.id, content, name=f"/proguard/{one}.txt")
    run_workers()
    [before] = symbols_of(client, member)
    sent(client, bearer, member.app.id, content, name=f"/proguard/{other}.txt")
    [after] = symbols_of(client, member)

    assert one in before["debug_ids"]
    assert {one, other} < set(after["debug_ids"])


def test_a_chunk_that_is_not_what_it_is_called_is_refused(client, bearer):
    answer = send_chunks(client, bearer, b"some bytes", name="0" * 40)

    assert (answer.status_code, answer.json["status"]) == (400, "bad_request")
    assert "another SHA-1" in answer.json["error_message"]


def test_nobody_makes_files_of_others_chunks_or_for_others_apps(client, services, member, bearer):
    stranger = make_member(services, "mallory@example.com")
    theirs = {"Authorization": f"Bearer {stranger.token}"}
    send_chunks(client, bearer, *cut(SYM))

    own = assemble(client, theirs, stranger.app.id, SYM).json[sha1(SYM)]
    other = assemble(client, theirs, member.app.id, SYM)

    assert (own["state"], len(own["missingChunks"])) == ("not_found", len(cut(SYM)))
    assert other.status_code == 404
