"""A service whose store is gone for a while: uploads are refused, waiting logs wait, nothing is lost."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.db.models import heartbeat
from app.storage import open_storage
from app.sweep import sweep
from tests.factories import kscrash
from tests.stores import ready_store

MORE_THAN_ITS_ATTEMPTS = 6


@pytest.fixture
def unmount(services, tmp_path) -> Callable[[], Callable[[], Path]]:
    """The service keeps its objects in a folder; call it for the mount to go, and what it returns for it to come back."""
    folder, away = tmp_path / "objects", tmp_path / "unmounted"
    ready_store(folder.as_uri())
    services.storage.__dict__.update(open_storage(folder.as_uri()).__dict__)

    def go() -> Callable[[], Path]:
        folder.rename(away)
        folder.mkdir()

        def come_back() -> Path:
            folder.rmdir()  # fails when something was written beneath the mount point
            return away.rename(folder)

        return come_back

    return go


def upload(client, member, log_id: str):
    url = f"/api/apps/{member.app.identifier}/logs?log_id={log_id}"
    return client.post(url, data=kscrash(), headers=member.sender)


def status(client, member, log_id: str) -> str:
    answer = client.get(f"/api/apps/{member.app.identifier}/logs/{log_id}", headers=member.headers)
    return str(answer.json["result"]["status"])


def test_an_upload_is_refused_and_taken_when_the_store_is_back(client, member, unmount):
    come_back = unmount()

    refused = upload(client, member, "a-1")

    assert (refused.status_code, refused.json["status"]) == (503, "unavailable")
    assert refused.json["error_message"] == "The storage is unavailable, try again"
    assert refused.headers["Retry-After"]
    come_back()
    assert upload(client, member, "a-1").status_code == 202


def test_readiness_names_the_store(client, services, unmount):
    with services.db.write() as session:
        heartbeat.record(session, heartbeat.WORKER, services.now())
    assert client.get("/readyz").status_code == 200
    come_back = unmount()

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json["error_message"] == "Down: storage; up: database, broker, worker"
    come_back()
    assert client.get("/readyz").status_code == 200


def test_a_log_waits_for_the_store_however_often_it_is_tried(client, services, member, unmount, run_workers, clock):
    assert upload(client, member, "a-1").status_code == 202
    come_back = unmount()

    for _ in range(MORE_THAN_ITS_ATTEMPTS):
        run_workers()
        clock.advance(minutes=2)
        sweep(services)

    assert status(client, member, "a-1") == "received"
    come_back()
    run_workers()
    assert status(client, member, "a-1") == "digested"
