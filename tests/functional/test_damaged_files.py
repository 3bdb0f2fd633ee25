"""Stored files that a power cut has left shorter: told as such, never served as whole, and results are made anew."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from app import create_app
from app.db.models.log import Log
from app.jobs import attempt
from app.services import Services
from app.storage import open_storage
from app.sweep import sweep
from tests.batches import files, made, post
from tests.factories import Clock, kscrash
from tests.stores import ready_store
from tests.uploads import LOG_ID, digested, export_url

LOST = "The job's stored result is lost or damaged; ask again for a new one"
Cut = Callable[..., None]


@pytest.fixture
def folder(services: Services, tmp_path: Path) -> Path:
    """Where the service keeps its objects."""
    made_in = tmp_path / "objects"
    ready_store(made_in.as_uri())
    services.storage.__dict__.update(open_storage(made_in.as_uri()).__dict__)
    return made_in


@pytest.fixture(params=["empty", "half", "gone"])
def damage(request: pytest.FixtureRequest, folder: Path) -> Cut:
    """Call it with a folder of the store, and what the names of its files begin with."""

    def cut(below: str, name: str = "") -> None:
        found = [path for path in (folder / below).rglob(f"{name}*") if path.is_file()]
        assert found
        for path in found:
            whole = path.read_bytes()
            path.unlink()
            if request.param != "gone":
                path.write_bytes(whole[: len(whole) // 2 if request.param == "half" else 0])

    return cut


@pytest.fixture
def stored_results(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even the smallest result lies in the store."""
    monkeypatch.setattr(attempt, "IN_ROW_LIMIT", -1)


@pytest.fixture
def later(clock: Clock) -> Callable[[], None]:
    """Call it between two jobs of one request: the later one answers."""
    return lambda: clock.advance(seconds=1)


def check_lost(answer) -> None:
    assert (answer.status_code, answer.json) == (
        410, {"success": False, "status": "gone", "error_message": LOST},
    )  # fmt: skip


def test_a_report_that_is_damaged_is_refused_and_made_anew_when_asked_for(client, member, run_workers, damage, later):
    url = export_url(digested(client, member, run_workers))
    client.get(url, headers=member.headers)
    run_workers()
    first = client.get(url, headers=member.headers).json
    whole = client.get(first["result"]["url"]).data
    damage("jobs")

    check_lost(client.get(first["result"]["url"]))

    later()
    assert client.get(url, headers=member.headers).json["loading"] == [True]
    run_workers()
    again = client.get(url, headers=member.headers).json
    assert again["job_id"] != first["job_id"]
    assert client.get(again["result"]["url"]).data == whole


def test_a_range_of_a_damaged_report_is_refused_too(client, member, run_workers, damage):
    url = export_url(digested(client, member, run_workers))
    client.get(url, headers=member.headers)
    run_workers()
    link = client.get(url, headers=member.headers).json["result"]["url"]
    damage("jobs")

    check_lost(client.get(link, headers={"Range": "bytes=0-3"}))


def test_a_proxy_is_not_told_to_send_a_damaged_report(services, member, run_workers, damage):
    client = create_app(replace(services, config=replace(services.config, accel_redirect="/stored"))).test_client()
    url = export_url(digested(client, member, run_workers))
    client.get(url, headers=member.headers)
    run_workers()
    link = client.get(url, headers=member.headers).json["result"]["url"]
    assert client.get(link).headers["X-Accel-Redirect"]
    damage("jobs")

    check_lost(client.get(link))


def test_a_list_that_is_damaged_is_made_anew_when_asked_for_again(
    client, member, run_workers, stored_results, damage, later
):
    log = digested(client, member, run_workers)
    url = f"/api/crashes/{log['occurrences'][0]['crash_identifier']}/occurrences"
    client.get(url, headers=member.headers)
    run_workers()
    whole = client.get(url, headers=member.headers).json
    damage("jobs")

    check_lost(client.get(url, headers=member.headers))

    later()
    assert client.get(url, headers=member.headers).json["loading"] == [True]
    run_workers()
    again = client.get(url, headers=member.headers).json
    assert (again["loading"], again["result"]) == ([False], whole["result"])


@pytest.mark.parametrize("name", ["occurrences", "chunks"])
def test_a_page_of_a_damaged_list_is_read_from_the_database(client, member, run_workers, stored_results, damage, name):
    log = digested(client, member, run_workers)
    url = f"/api/crashes/{log['occurrences'][0]['crash_identifier']}/occurrences"
    client.get(url, headers=member.headers)
    run_workers()
    whole = client.get(url, headers=member.headers).json
    damage("jobs", name)

    client.get(f"{url}?page=1&per_page=1", headers=member.headers)
    run_workers()
    page = client.get(f"{url}?page=1&per_page=1", headers=member.headers).json

    assert (page["loading"], page["result"]) == ([False], whole["result"])


@pytest.mark.parametrize("name", ["manifest", "part"])
def test_a_batch_that_is_damaged_is_made_anew_when_asked_for_again(client, member, run_workers, damage, later, name):
    log = digested(client, member, run_workers)
    path = f"crashes/{log['occurrences'][0]['crash_identifier']}"
    result = made(client, member, run_workers, path)
    whole = files(client, result)
    damage("jobs", name)

    check_lost(client.get(result["url"] if name == "manifest" else result["parts"][0]["url"]))

    later()
    assert post(client, member, path).json["loading"] == [True]
    assert files(client, made(client, member, run_workers, path)) == whole


def test_a_batch_whose_manifest_is_damaged_is_refused_in_the_contracts_shape(client, member, run_workers, damage):
    log = digested(client, member, run_workers)
    path = f"crashes/{log['occurrences'][0]['crash_identifier']}"
    made(client, member, run_workers, path)
    damage("jobs", "manifest")

    check_lost(post(client, member, path))


@pytest.mark.parametrize(("kept", "body"), [(0, kscrash()), (700, kscrash())])
def test_a_log_that_is_not_whole_is_rejected_with_how_much_of_it_is_there(
    client, member, run_workers, folder, kept, body
):
    url = f"/api/apps/{member.app.identifier}/logs"
    client.post(f"{url}?log_id={LOG_ID}", data=body, headers=member.sender)
    [stored] = [path for path in (folder / "logs").rglob("*") if path.is_file()]
    stored.write_bytes(body[:kept])

    run_workers()

    shown = client.get(f"{url}/{LOG_ID}", headers=member.headers).json["result"]
    reason = f"The stored file is damaged: {kept} of its {len(body)} bytes are there"
    assert (shown["status"], shown["error_message"], shown["occurrences"]) == ("rejected", reason, [])


def test_what_is_left_of_a_log_is_not_taken_for_the_whole(client, member, run_workers, folder):
    """Of lines of JSON each half is a log as well: it would count as fewer crashes."""
    body = kscrash(frame="-[First go]").replace(b"\n", b"") + b"\n" + kscrash(frame="-[Second go]").replace(b"\n", b"")
    url = f"/api/apps/{member.app.identifier}/logs"
    client.post(f"{url}?log_id={LOG_ID}", data=body, headers=member.sender)
    [stored] = [path for path in (folder / "logs").rglob("*") if path.is_file()]
    stored.write_bytes(body.partition(b"\n")[0])

    run_workers()

    shown = client.get(f"{url}/{LOG_ID}", headers=member.headers).json["result"]
    assert (shown["status"], shown["occurrences"]) == ("rejected", [])


def test_the_bytes_of_a_log_that_is_not_whole_are_not_sent(client, member, run_workers, damage):
    log = digested(client, member, run_workers)
    damage("logs")

    answer = client.get(f"/api/apps/{member.app.identifier}/logs/{log['log_id']}/raw", headers=member.headers)

    assert (answer.status_code, answer.json["status"]) == (410, "gone")


def test_a_report_of_a_log_that_is_not_whole_fails_with_that_as_its_reason(client, member, run_workers, damage):
    url = export_url(digested(client, member, run_workers))
    damage("logs")
    client.get(url, headers=member.headers)
    run_workers()

    answer = client.get(url, headers=member.headers)

    assert (answer.status_code, answer.json["status"]) == (410, "gone")
    assert answer.json["error_message"].startswith("The stored file is ")


@pytest.mark.parametrize("is_digested", [True, False])
def test_a_log_that_is_not_whole_and_is_sent_again_is_whole_again(
    services, client, member, run_workers, damage, clock, is_digested
):
    url, body = f"/api/apps/{member.app.identifier}/logs", kscrash()
    client.post(f"{url}?log_id={LOG_ID}", data=body, headers=member.sender)
    if is_digested:
        run_workers()
    damage("logs")
    run_workers()

    again = client.post(f"{url}?log_id={LOG_ID}", data=body, headers=member.sender)
    clock.advance(seconds=120)  # one whose bytes were gone waits a while before its next attempt
    sweep(services)
    run_workers()

    shown = client.get(f"{url}/{LOG_ID}", headers=member.headers).json["result"]
    assert (again.status_code, shown["status"], len(shown["occurrences"])) == (202, "digested", 1)
    assert client.get(f"{url}/{LOG_ID}/raw", headers=member.headers).data == body


def test_other_bytes_under_the_name_of_a_log_that_is_not_whole_are_refused(client, member, run_workers, damage):
    log = digested(client, member, run_workers)
    damage("logs")
    url = f"/api/apps/{member.app.identifier}/logs"

    answer = client.post(f"{url}?log_id={log['log_id']}", data=kscrash(frame="-[Other go]"), headers=member.sender)

    assert answer.status_code == 409
    assert client.get(f"{url}/{log['log_id']}/raw", headers=member.headers).status_code == 410


def test_a_log_that_was_removed_for_its_age_stays_without_bytes_when_it_is_sent_again(
    services, client, member, run_workers, folder, clock
):
    body, url = kscrash(), f"/api/apps/{member.app.identifier}/logs"
    client.post(f"{url}?log_id={LOG_ID}", data=body, headers=member.sender)
    run_workers()
    with services.db.write() as session:
        [row] = session.scalars(select(Log))
        row.removed_at = clock()
        services.storage.delete(row.storage_key)

    again = client.post(f"{url}?log_id={LOG_ID}", data=body, headers=member.sender)

    assert again.status_code == 202
    assert [path for path in (folder / "logs").rglob("*") if path.is_file()] == []
