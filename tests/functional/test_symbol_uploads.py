"""Large files of symbols in chunks: gone on with after an interruption, checked, given up, in constant memory."""

import hashlib
import tracemalloc
from datetime import timedelta

import pytest
from click.testing import CliRunner

from app.cli import main
from app.cli import symbols as command
from app.config import MIB
from app.privacy.retention import remove_what_is_old
from app.storage import Storage
from app.symbolication import receive
from tests.factories import make_member
from tests.stores import ready_store
from tests.symbols import sym

ID = "01020304-0506-0708-090a-0b0c0d0e0f10"


def large(size: int) -> bytes:
    """A Breakpad file of so many bytes, most of them names of public symbols that lie elsewhere."""
    head = sym(ID, "total")
    line = b"PUBLIC ffff%04x 0 padding_%04x\n"
    body = b"".join(line % (at % 65536, at % 65536) for at in range((size - len(head)) // len(line % (0, 0)) + 1))
    return (head + body)[: size - 1] + b"\n"


CONTENT = large(2 * MIB + 500)


@pytest.fixture
def path(member) -> str:
    return f"/api/apps/{member.app.identifier}/symbols"


def begin(client, member, path, content=CONTENT, **more):
    asked = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), **more}
    return client.post(f"{path}/uploads", json=asked, headers=member.headers)


def put(client, member, one, offset, content, **more):
    return client.put(one, query_string={"offset": offset, **more}, data=content, headers=member.headers)


def test_a_file_in_chunks_is_whole_after_an_interruption(client, member, path, services, run_workers):
    upload = begin(client, member, path, name="cart.sym").json["result"]
    one = f"{path}/uploads/{upload['identifier']}"
    put(client, member, one, 0, CONTENT[:MIB])
    again = begin(client, member, path).json["result"]
    early = client.post(f"{one}/finish", headers=member.headers)
    for offset in (MIB, 2 * MIB):
        chunk = CONTENT[offset : offset + MIB]
        told = put(client, member, one, offset, chunk, sha256=hashlib.sha256(chunk).hexdigest()).json["result"]
    finished = client.post(f"{one}/finish", headers=member.headers)
    run_workers()

    assert (again["identifier"], again["received"]) == (upload["identifier"], MIB)
    assert early.status_code == 409
    assert told["received"] == told["size"] == len(CONTENT)
    assert (finished.status_code, finished.json["result"]["identifier"]) == (202, upload["identifier"])
    shown = client.get(f"{path}/{upload['identifier']}", headers=member.headers).json["result"]
    assert (shown["state"], shown["debug_ids"], shown["name"], shown["size"]) == (
        "ready",
        [ID],
        "cart.sym",
        len(CONTENT),
    )
    assert client.get(one, headers=member.headers).status_code == 404
    known = begin(client, member, path)
    assert (known.status_code, known.json["result"]["symbols"]["identifier"]) == (200, upload["identifier"])
    assert client.delete(f"{path}/{upload['identifier']}", headers=member.headers).status_code == 200
    remove_what_is_old(services)
    assert list(services.storage.list("symbols")) == []


def test_a_chunk_that_does_not_follow_changes_nothing(client, member, path, services):
    one = f"{path}/uploads/{begin(client, member, path).json['result']['identifier']}"
    put(client, member, one, 0, CONTENT[:MIB])

    answers = [
        put(client, member, one, 0, CONTENT[:MIB]),
        put(client, member, one, 2 * MIB, CONTENT[2 * MIB :]),
        put(client, member, one, MIB, CONTENT[MIB : MIB + 10]),
        put(client, member, one, MIB, b""),
        put(client, member, one, MIB, CONTENT[MIB:] + b"more"),
        put(client, member, one, MIB, CONTENT[MIB : 2 * MIB], sha256="0" * 64),
        put(client, member, one, "-1", CONTENT[MIB:]),
        put(client, member, one, MIB, CONTENT[MIB:], other="1"),
    ]

    assert [answer.status_code for answer in answers] == [409, 409, 400, 400, 413, 400, 400, 400]
    assert answers[0].json["error_message"] == f"The upload goes on at byte {MIB}"
    assert client.get(one, headers=member.headers).json["result"]["received"] == MIB
    assert len(list(services.storage.list("symbols"))) == 1


def test_a_file_of_other_bytes_than_told_is_refused_and_gone(client, member, path, services):
    wrong = CONTENT[:-2] + b"x\n"
    one = f"{path}/uploads/{begin(client, member, path).json['result']['identifier']}"
    put(client, member, one, 0, wrong)
    finished = client.post(f"{one}/finish", headers=member.headers)
    remove_what_is_old(services)

    assert finished.status_code == 400
    assert "sha256" in finished.json["error_message"]
    assert client.get(path, headers=member.headers).json["result"] == []
    assert list(services.storage.list("symbols")) == []
    assert begin(client, member, path).json["result"]["received"] == 0


@pytest.mark.parametrize(
    ("asked", "status"),
    [({}, 400), ({"size": 0, "sha256": "0" * 64}, 400), ({"size": True, "sha256": "0" * 64}, 400),
     ({"size": "9", "sha256": "0" * 64}, 400),
     ({"size": 9, "sha256": "0" * 63}, 400), ({"size": 9, "sha256": 7}, 400), ({"size": 9, "sha256": "0" * 64, "x": 1}, 400),
     ({"size": 9, "sha256": "0" * 64, "name": "a\nb"}, 400), ({"size": 2**40, "sha256": "0" * 64}, 413),
     ({"size": 9, "sha256": "0" * 64, "version": 5}, 400)],
)  # fmt: skip
def test_what_makes_no_sense_begins_nothing(client, member, path, asked, status):
    answer = client.post(f"{path}/uploads", json=asked, headers=member.headers)

    assert (answer.status_code, answer.json["success"]) == (status, False)


def test_uploads_that_nobody_goes_on_with_are_dropped_after_a_day(client, member, path, services, clock):
    one = f"{path}/uploads/{begin(client, member, path).json['result']['identifier']}"
    put(client, member, one, 0, CONTENT[:MIB])
    clock.now += timedelta(hours=23)
    remove_what_is_old(services)
    kept = client.get(one, headers=member.headers).status_code
    clock.now += timedelta(hours=2)
    remove_what_is_old(services)

    assert (kept, client.get(one, headers=member.headers).status_code) == (200, 404)
    assert list(services.storage.list("symbols")) == []


def test_uploads_can_be_given_up_and_are_not_without_number(client, member, path, services, monkeypatch):
    monkeypatch.setattr(receive, "AT_ONCE", 1)
    one = f"{path}/uploads/{begin(client, member, path).json['result']['identifier']}"
    second = begin(client, member, path, b"other")

    assert second.status_code == 409
    assert client.delete(one, headers=member.headers).json == {"success": True}
    assert begin(client, member, path, b"other").status_code == 201


def test_nobody_but_members_sees_or_changes_them(client, services, member, path):
    stranger = make_member(services, "mallory@example.com")
    one = f"{path}/uploads/{begin(client, member, path).json['result']['identifier']}"
    other = one.replace(member.app.identifier, stranger.app.identifier)

    for target in (one, other):
        for answer in (
            client.get(target, headers=stranger.headers), put(client, stranger, target, 0, CONTENT),
            client.post(f"{target}/finish", headers=stranger.headers), client.delete(target, headers=stranger.headers),
        ):  # fmt: skip
            assert answer.status_code == 404
    assert begin(client, stranger, path).status_code == 404
    assert client.get(one, headers=member.headers).json["result"]["received"] == 0


def test_twenty_megabytes_are_never_in_memory_at_once(client, member, path, services, tmp_path):
    stored = ready_store((tmp_path / "objects").as_uri())
    services.storage.__dict__.update(stored.__dict__)
    piece = b"x" * (4 * MIB)
    digest = hashlib.sha256()
    for _ in range(5):
        digest.update(piece)
    asked = {"size": 5 * len(piece), "sha256": digest.hexdigest()}
    tracemalloc.start()
    one = f"{path}/uploads/{client.post(f'{path}/uploads', json=asked, headers=member.headers).json['result']['identifier']}"
    for number in range(5):
        assert put(client, member, one, number * len(piece), piece).status_code == 200
    finished = client.post(f"{one}/finish", headers=member.headers)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert finished.status_code == 202
    assert peak < 14 * MIB  # the test's own body of 4 MiB twice, and some chunks


def test_the_command_goes_on_within_a_file_after_ctrl_c(services, member, tmp_path, monkeypatch):
    ready_store((tmp_path / "objects").as_uri())
    monkeypatch.setenv("DATABASE_URL", services.config.database_url)
    monkeypatch.setenv("STORAGE_URL", (tmp_path / "objects").as_uri())
    monkeypatch.setenv("SECRET_KEY", services.config.secret_key)
    monkeypatch.setattr(command, "IN_CHUNKS_ABOVE", MIB)
    monkeypatch.setattr(command, "BEST_CHUNK", MIB)
    (tmp_path / "cart.sym").write_bytes(CONTENT)
    run = ["symbols", "add", "--app", member.app.identifier, "--data-dir", str(tmp_path), str(tmp_path / "cart.sym")]
    add_chunk, offsets = receive.add_chunk, []

    def interrupted(services, app, identifier, offset, chunks):
        if offset == MIB and offsets.count(MIB) == 0:
            offsets.append(offset)
            raise KeyboardInterrupt
        offsets.append(offset)
        return add_chunk(services, app, identifier, offset, chunks)

    monkeypatch.setattr(command, "add_chunk", interrupted)
    first = CliRunner().invoke(main, run)
    second = CliRunner().invoke(main, run)
    third = CliRunner().invoke(main, run)

    assert (first.exit_code, second.exit_code, third.exit_code) == (130, 0, 0)
    assert offsets == [0, MIB, MIB, 2 * MIB]
    assert "received as" in second.output
    assert second.output.partition("received as ")[2][:24] == third.output.partition("received as ")[2][:24]


def test_a_chunk_of_which_nothing_is_recorded_leaves_no_object(client, member, path, services, monkeypatch):
    one = f"{path}/uploads/{begin(client, member, path).json['result']['identifier']}"
    put_ = Storage.put

    def dropped_meanwhile(storage: Storage, key: str, chunks) -> None:
        put_(storage, key, chunks)
        client.delete(one, headers=member.headers)

    monkeypatch.setattr(Storage, "put", dropped_meanwhile)
    answer = put(client, member, one, 0, CONTENT[:MIB])

    assert answer.status_code == 404
    assert list(services.storage.list("symbols")) == []
