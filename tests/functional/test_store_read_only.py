"""A folder store that takes no writes, mounted read-only or out of inodes: 503, nothing lost, and it goes on by itself."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from app.db.models import heartbeat
from app.services import Services
from app.storage import open_storage
from app.sweep import sweep
from app.web.api.health import WRITE_EVERY
from tests.factories import Clock, kscrash, run_enqueued
from tests.stores import ready_store
from tests.uploads import digested, export_url

MORE_THAN_ITS_ATTEMPTS = 6
FULL = {"success": False, "status": "unavailable", "error_message": "The storage is unavailable, try again"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A mounted tmpfs of few inodes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=20m,nr_inodes=200", "tmpfs", folder], capture_output=True, text=True
    )
    if done.returncode != 0:
        pytest.skip(f"mounting a small tmpfs is not permitted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def read_only(disk: Path) -> Callable[[], None]:
    """Mount it so; call what this returns for it to be writable again."""
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    return lambda: subprocess.run(["mount", "-o", "remount,rw", disk], check=True)  # type: ignore[return-value]


def out_of_inodes(disk: Path) -> Callable[[], None]:
    """Make files until no more can be made; call what this returns for them to go."""
    made = []
    with suppress(OSError):
        while True:
            (disk / f"filler-{len(made)}").touch()
            made.append(disk / f"filler-{len(made)}")
    return lambda: [path.unlink() for path in made]  # type: ignore[return-value]


def record_heartbeat(services: Services) -> None:
    with services.db.write() as session:
        heartbeat.record(session, heartbeat.WORKER, services.now())


def work_on(services: Services, clock: Clock) -> None:
    clock.advance(seconds=120)
    sweep(services)
    run_enqueued(services)


@pytest.mark.parametrize("stop_writes", [read_only, out_of_inodes])
def test_uploads_are_refused_and_work_waits_until_the_store_takes_writes_again(
    services, client, member, clock, disk, stop_writes
):
    url = (disk / "objects").as_uri()
    ready_store(url)
    services.storage.__dict__.update(open_storage(url).__dict__)
    report = export_url(digested(client, member, lambda: run_enqueued(services)))
    logs = f"/api/apps/{member.app.identifier}/logs"

    def upload(log_id: str):
        return client.post(f"{logs}?log_id={log_id}", data=kscrash(), headers=member.sender)

    def status(log_id: str) -> str:
        return client.get(f"{logs}/{log_id}", headers=member.headers).json["result"]["status"]

    def down() -> bool:
        """What `readyz` says of the store."""
        clock.advance(seconds=WRITE_EVERY.total_seconds())
        record_heartbeat(services)
        answer = client.get("/readyz")
        return answer.status_code == 503 and answer.json["error_message"].startswith("Down: storage;")

    assert upload("waits").status_code == 202
    assert not down()
    end = stop_writes(disk)
    before = sorted((disk / "objects").rglob("*"))

    refused = upload("refused")
    client.get(report, headers=member.headers)
    for _ in range(MORE_THAN_ITS_ATTEMPTS):
        work_on(services, clock)

    assert (refused.status_code, refused.json) == (503, FULL)
    assert refused.headers["Retry-After"]
    assert client.get(f"{logs}/refused", headers=member.headers).status_code == 404
    assert status("waits") == "digested"  # its digest only reads
    assert client.get(report, headers=member.headers).json["loading"] == [True]
    assert down()
    assert sorted((disk / "objects").rglob("*")) == before

    end()
    assert not down()
    assert upload("refused").status_code == 202
    work_on(services, clock)
    work_on(services, clock)
    assert status("refused") == "digested"
    answer = client.get(report, headers=member.headers).json
    assert answer["loading"] == [False]
    assert len(client.get(answer["result"]["url"]).data) == answer["result"]["size"]
