"""Stored files that are damaged at their full size, and damaged symbols: what is sent again takes their place."""

import hashlib
from pathlib import Path

import pytest

from app.services import Services
from app.storage import open_storage
from app.sweep import sweep
from tests.factories import kscrash
from tests.stores import ready_store
from tests.symbols import sym
from tests.uploads import LOG_ID, digested, export_url

DEBUG_ID = "01020304-0506-0708-090a-0b0c0d0e0f10"


@pytest.fixture
def folder(services: Services, tmp_path: Path) -> Path:
    """Where the service keeps its objects."""
    made_in = tmp_path / "objects"
    ready_store(made_in.as_uri())
    services.storage.__dict__.update(open_storage(made_in.as_uri()).__dict__)
    return made_in


def turned(stored: Path) -> None:
    """Change a bit of a file, as a bad disk does; its size stays."""
    whole = bytearray(stored.read_bytes())
    whole[len(whole) // 2] ^= 1
    stored.write_bytes(bytes(whole))


@pytest.mark.parametrize("is_digested", [True, False])
def test_a_log_with_a_turned_bit_is_told_as_damaged_and_whole_again_when_it_is_sent_again(
    services, client, member, run_workers, folder, clock, is_digested
):
    url, body = f"/api/apps/{member.app.identifier}/logs", kscrash()
    client.post(f"{url}?log_id={LOG_ID}", data=body, headers=member.sender)
    if is_digested:
        run_workers()
    [stored] = [path for path in (folder / "logs").rglob("*") if path.is_file()]
    turned(stored)
    run_workers()
    shown = client.get(f"{url}/{LOG_ID}", headers=member.headers).json["result"]
    if not is_digested:
        reason = "The stored file is damaged: its bytes are not those that were stored"
        assert (shown["status"], shown["error_message"]) == ("rejected", reason)

    client.post(f"{url}?log_id={LOG_ID}", data=body, headers=member.sender)
    clock.advance(seconds=120)
    sweep(services)
    run_workers()

    shown = client.get(f"{url}/{LOG_ID}", headers=member.headers).json["result"]
    assert (shown["status"], len(shown["occurrences"]), stored.read_bytes()) == ("digested", 1, body)


def test_a_report_of_a_log_with_a_turned_bit_fails_with_that_as_its_reason(client, member, run_workers, folder):
    url = export_url(digested(client, member, run_workers))
    [stored] = [path for path in (folder / "logs").rglob("*") if path.is_file()]
    turned(stored)
    client.get(url, headers=member.headers)
    run_workers()

    answer = client.get(url, headers=member.headers)

    assert (answer.status_code, answer.json["status"]) == (410, "gone")
    assert answer.json["error_message"] == "The stored file is damaged: its bytes are not those that were stored"


@pytest.mark.parametrize("name", ["upload", "1-"])
@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_damaged_file_of_symbols_that_is_sent_again_names_frames_again(
    client, member, run_workers, folder, name, in_chunks
):
    path, body = f"/api/apps/{member.app.identifier}/symbols", sym(DEBUG_ID, "total")
    client.post(path, data=body, headers=member.headers)
    run_workers()
    [stored] = [one for one in (folder / "symbols").rglob(f"{name}*") if one.is_file()]
    stored.write_bytes(b"")

    if in_chunks:
        asked = {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        begun = client.post(f"{path}/uploads", json=asked, headers=member.headers).json["result"]
        one = f"{path}/uploads/{begun['identifier']}"
        client.put(f"{one}?offset=0", data=body, headers=member.headers)
        client.post(f"{one}/finish", headers=member.headers)
    else:
        client.post(path, data=body, headers=member.headers)
    run_workers()

    [shown] = client.get(path, headers=member.headers).json["result"]
    kept = list((folder / "symbols" / member.app.identifier / shown["identifier"]).rglob("*"))
    assert (shown["state"], shown["debug_ids"], all(one.stat().st_size for one in kept)) == ("ready", [DEBUG_ID], True)
