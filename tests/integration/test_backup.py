"""Backup, wipe, restore: the same answers, on SQLite with a folder and on PostgreSQL with S3, while others write."""

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from app import create_app
from app.cli import main
from app.config import Config
from app.db import open_database
from app.db.dump import DumpFailed
from app.db.models.log import Log
from app.ingest.receive import receive
from app.operations.backup import MANIFEST, BackupRefused, back_up, restore
from app.operations.doctor import examine
from app.queueing.broker import MemoryBroker
from app.services import Services
from app.storage import ObjectNotFound, Storage, open_storage
from tests.batches import made
from tests.factories import CONFIG, Clock, Member, kscrash, make_member, run_enqueued
from tests.servers import missing, new_database
from tests.uploads import digested, export_url


def quiet(_objects: int, _size: int) -> None:
    """No progress."""


@dataclass
class Place:
    """Where a service keeps everything, and how to have another, empty one of the same kind."""

    config: Config
    empty: Config
    clock: Clock

    def open(self, config: Config) -> Services:
        return Services(config, open_database(config.database_url), open_storage(config.storage_url), MemoryBroker(),
                        self.clock)  # fmt: skip


@pytest.fixture(params=["sqlite and a folder", "postgresql and s3"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, empty_database: Path, clock: Clock, monkeypatch
) -> Iterator[Place]:
    if request.param == "sqlite and a folder":
        configs = [
            replace(CONFIG, database_url=f"sqlite:///{tmp_path}/{name}.db", storage_url=(tmp_path / name).as_uri())
            for name in ("here", "there")
        ]
        shutil.copy(empty_database, tmp_path / "here.db")
        yield Place(*configs, clock)
        return
    if not shutil.which("pg_dump"):
        missing("pg_dump", "Debian's package postgresql-client has it")
    s3 = request.getfixturevalue("s3")
    for name, value in s3.environ.items():
        monkeypatch.setenv(name, value)
    here = request.getfixturevalue("postgres_database")
    with new_database(request.getfixturevalue("postgres_url")) as there:
        yield Place(
            replace(CONFIG, database_url=here, storage_url=f"{s3.url}/{tmp_path.name}-here"),
            replace(CONFIG, database_url=there, storage_url=f"{s3.url}/{tmp_path.name}-there"),
            clock,
        )


@pytest.fixture
def running(place: Place) -> Iterator[Services]:
    services = place.open(place.config)
    services.storage.set_up()
    yield services
    services.close()


def answers(services: Services, member: Member) -> dict[str, Any]:
    """What a client gets to see of a list, a report and a batch, all finished."""
    client, work = create_app(services).test_client(), lambda: run_enqueued(services)
    log = digested(client, member, work)
    crash = log["occurrences"][0]["crash_identifier"]
    urls = {"list": f"/api/crashes/{crash}/occurrences", "report": export_url(log)}
    for url in urls.values():
        client.get(url, headers=member.headers)
    work()
    shown = {name: client.get(url, headers=member.headers).json for name, url in urls.items()}
    assert {one["loading"][0] for one in shown.values()} == {False}
    batch = made(client, member, work, f"crashes/{crash}", format="ndjson")
    return {
        "list": (shown["list"]["job_id"], shown["list"]["result"]),
        "report": (shown["report"]["job_id"], shown["report"]["result"]["sha256"]),
        "report's bytes": client.get(shown["report"]["result"]["url"]).data,
        "batch": [(part["sha256"], client.get(part["url"]).data) for part in batch["parts"]],
    }


def logs_of(services: Services) -> int:
    with services.db.read() as session:
        return session.scalar(select(func.count()).select_from(Log)) or 0


def test_what_was_restored_answers_as_before_although_others_wrote_meanwhile(place, running, tmp_path):
    member = make_member(running)
    before = answers(running, member)
    stop, sent = threading.Event(), []

    def send() -> None:
        while not stop.is_set():
            sent.append(receive(running, member.app, f"meanwhile-{len(sent)}", kscrash()))

    writer = threading.Thread(target=send)
    writer.start()
    try:
        done = back_up(running, tmp_path / "backup", secret=None, previous=None, progress=quiet)
    finally:
        stop.set()
        writer.join()
    for stat in list(running.storage.list("")):
        running.storage.delete(stat.key)

    there = place.open(place.empty)
    try:
        restored = restore(there, tmp_path / "backup", quiet)
        kept = logs_of(there)
        ill = list(examine(there))
        after = answers(there, member)
    finally:
        there.close()

    assert after == before
    assert restored == done
    assert sent
    assert 1 <= kept <= logs_of(running)
    assert ill == []


def test_what_is_deleted_meanwhile_is_known_to_be_gone(running, place, tmp_path, monkeypatch):
    member = make_member(running)
    receive(running, member.app, "log-1", kscrash())
    receive(running, member.app, "log-2", kscrash(frame="-[Other go]"))
    gone = next(stat.key for stat in running.storage.list("logs") if "log-1" in stat.key)
    stream = Storage.stream

    def expired(storage: Storage, key: str, *more: Any) -> Any:
        if key == gone:
            raise ObjectNotFound
        return stream(storage, key, *more)

    with monkeypatch.context() as patch:
        patch.setattr(Storage, "stream", expired)
        assert back_up(running, tmp_path / "backup", secret=None, previous=None, progress=quiet).objects == 1
    there = place.open(place.empty)
    try:
        restore(there, tmp_path / "backup", quiet)
        told = [finding.what for finding in examine(there)]
    finally:
        there.close()

    assert len(told) == 1
    assert "has no bytes in the storage" in told[0]


def test_a_backup_of_the_same_objects_takes_links_from_the_one_before(running, tmp_path):
    member = make_member(running)
    receive(running, member.app, "log-1", kscrash())
    back_up(running, tmp_path / "first", secret=None, previous=None, progress=quiet)
    receive(running, member.app, "log-2", kscrash())

    done = back_up(running, tmp_path / "second", secret=None, previous=tmp_path / "first", progress=quiet)

    first, second = ({path.name[:5]: path for path in (tmp_path / name / "objects").rglob("log-*")}
                     for name in ("first", "second"))  # fmt: skip
    assert done.objects == 2
    assert first["log-1"].samefile(second["log-1"])
    assert set(second) == {"log-1", "log-2"}


@pytest.fixture
def backup_of_a_log(running, tmp_path) -> Path:
    receive(running, make_member(running).app, "log-1", kscrash())
    back_up(running, tmp_path / "backup", secret=None, previous=None, progress=quiet)
    return tmp_path / "backup"


def refused(place: Place, config: Config, folder: Path) -> str:
    services = place.open(config)
    try:
        with pytest.raises((BackupRefused, DumpFailed)) as caught:
            restore(services, folder, quiet)
    finally:
        services.close()
    return caught.value.message


def test_a_backup_that_is_not_whole_is_refused(place, backup_of_a_log):
    manifest = json.loads((backup_of_a_log / MANIFEST).read_text())
    (backup_of_a_log / MANIFEST).write_text(json.dumps({**manifest, "objects": 2}))
    assert "do not agree" in refused(place, place.empty, backup_of_a_log)
    (backup_of_a_log / MANIFEST).unlink()

    assert "not finished" in refused(place, place.empty, backup_of_a_log)


def test_a_byte_that_has_changed_is_found_and_the_database_stays_empty(place, backup_of_a_log):
    [stored] = (backup_of_a_log / "objects").rglob("log-1*")
    stored.write_bytes(stored.read_bytes()[:-1] + b"?")

    told = refused(place, place.empty, backup_of_a_log)

    assert "is not as it was when it was backed up" in told
    assert told == refused(place, place.empty, backup_of_a_log)  # the database is still empty: it is no other reason


def test_a_database_that_holds_something_is_never_overwritten(place, backup_of_a_log):
    assert "is not empty" in refused(place, place.config, backup_of_a_log)


def test_a_folder_that_holds_something_is_never_written_to(running, backup_of_a_log):
    with pytest.raises(BackupRefused, match="is not empty"):
        back_up(running, backup_of_a_log, secret=None, previous=None, progress=quiet)


def test_the_commands_bring_a_data_folder_back_with_its_secret(tmp_path, monkeypatch):
    for name in ("DATABASE_URL", "STORAGE_URL", "SECRET_KEY", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    crash = tmp_path / "crash.json"
    crash.write_bytes(kscrash())

    def run(data_dir: str, *arguments: str, stdin: str = "") -> str:
        ran = CliRunner().invoke(main, [*arguments, "--data-dir", str(tmp_path / data_dir)], input=stdin)
        assert ran.exit_code == 0, ran.output
        return ran.stdout

    run("here", "user", "add", "ada@example.com", stdin="correct horse battery staple\n")
    app = run("here", "app", "add", "Notes", "--owner", "ada@example.com").split()[2]
    run("here", "log", "add", "--app", app, str(crash))
    told = run("here", "backup", str(tmp_path / "backup"))
    back = run("there", "restore", str(tmp_path / "backup"))

    assert "backed up: the database and 1 objects" in told
    assert "restored: the database and 1 objects" in back
    assert (tmp_path / "there/secret.key").read_text() == (tmp_path / "here/secret.key").read_text()
    assert (tmp_path / "backup/secret.key").stat().st_mode & 0o777 == 0o600
    assert run("there", "doctor") == "0 found\n"
