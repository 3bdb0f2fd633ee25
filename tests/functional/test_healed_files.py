"""Stored files that are damaged at their full size, and damaged symbols: what is sent again takes their place."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from app.services import Services
from app.storage import open_storage
from app.sweep import sweep
from app.symbolication.opened import _CACHES
from tests.build_tools import assemble, sent, sha1
from tests.factories import kscrash
from tests.stores import ready_store
from tests.symbols import native_event, sym
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


def symbols_of(client, member) -> dict:
    [shown] = client.get(f"/api/apps/{member.app.identifier}/symbols", headers=member.headers).json["result"]
    return shown


def objects(folder: Path, name: str) -> list[Path]:
    return sorted(one for one in (folder / "symbols").rglob(name) if one.is_file())


def lose(folder: Path, damage: Callable[[Path], object]) -> bytes:
    """Damage what a worker made of the app's one file, and close it; returns what it was."""
    [cache] = objects(folder, "*native*")
    whole = cache.read_bytes()
    damage(cache)
    _CACHES.clear()
    return whole


def crash_titles(client, member, run_workers, event_id: str) -> list[str]:
    """Titles of the app's crashes after one more of the same crash, all that waits for workers done."""
    log = native_event(DEBUG_ID, 1, event_id=event_id)
    client.post(f"/api/apps/{member.app.identifier}/logs?log_id=log-{event_id}", data=log, headers=member.sender)
    run_workers()
    found = client.get(f"/api/apps/{member.app.identifier}/crashes", headers=member.headers).json["result"]
    return [one["title"] for one in found]


@pytest.mark.parametrize("damage", [turned, Path.unlink])
def test_a_cache_with_a_turned_bit_or_lost_is_made_anew_when_a_log_asks_for_it(
    services, client, member, run_workers, folder, clock, damage
):
    path = f"/api/apps/{member.app.identifier}/symbols"
    client.post(path, data=sym(DEBUG_ID, "total"), headers=member.headers)
    run_workers()
    named = crash_titles(client, member, run_workers, "1")
    whole = lose(folder, damage)

    crash_titles(client, member, run_workers, "2")
    clock.advance(seconds=120)
    sweep(services)
    run_workers()

    assert symbols_of(client, member)["state"] == "ready"
    assert whole in [one.read_bytes() for one in objects(folder, "*native*")]
    assert crash_titles(client, member, run_workers, "3") == named  # all three: the second one was grouped again
    assert "total" in named[0]


def test_a_file_whose_bytes_changed_with_its_cache_is_rejected_and_asked_for_again_by_a_tool(
    services, client, member, run_workers, folder, clock
):
    body, bearer = sym(DEBUG_ID, "total"), {"Authorization": f"Bearer {member.token}"}
    sent(client, bearer, member.app.id, body)
    run_workers()
    named = crash_titles(client, member, run_workers, "1")
    for stored in objects(folder, "*upload"):
        turned(stored)
    lose(folder, turned)
    crash_titles(client, member, run_workers, "2")
    clock.advance(seconds=120)
    sweep(services)
    run_workers()
    lost = symbols_of(client, member)

    asked = assemble(client, bearer, member.app.id, body).json[sha1(body)]
    sent(client, bearer, member.app.id, body)
    run_workers()

    assert (lost["state"], lost["reason"]) == ("rejected", "The stored file is lost or damaged: send it again")
    assert (asked["state"], asked["missingChunks"]) == ("not_found", [sha1(body)])
    assert symbols_of(client, member)["state"] == "ready"
    assert crash_titles(client, member, run_workers, "3") == named


def test_a_file_that_was_damaged_before_a_worker_read_it_is_sent_again_as_it_was(client, member, run_workers, folder):
    path, body = f"/api/apps/{member.app.identifier}/symbols", sym(DEBUG_ID, "total")
    client.post(path, data=body, headers=member.headers)
    [stored] = objects(folder, "upload")
    turned(stored)
    run_workers()
    lost = symbols_of(client, member)

    client.post(path, data=body, headers=member.headers)
    run_workers()

    assert (lost["state"], symbols_of(client, member)["state"]) == ("rejected", "ready")
