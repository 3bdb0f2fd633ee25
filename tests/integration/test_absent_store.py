"""A store that is not there, as a folder whose mount is gone or a bucket that was deleted: an outage, nothing lost."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import boto3
import obstore
import pytest
from click.testing import CliRunner

from app.cli import main
from app.errors import ConfigError, TransientError
from app.ingest.receive import receive
from app.operations.store_setup import set_up_storage
from app.services import Services
from app.storage import MARKER, Storage, open_storage
from tests.factories import kscrash
from tests.servers import S3
from tests.stores import ready_store


@dataclass
class Place:
    """A store that can go away and come back, as it was."""

    url: str
    leave: Callable[[], object]
    come_back: Callable[[], object]


def mount(folder: Path) -> Place:
    """A folder whose content goes, and whose mount point stays."""
    away = folder.with_name("unmounted")

    def leave() -> None:
        folder.rename(away)
        folder.mkdir()

    def come_back() -> None:
        folder.rmdir()  # fails when something was written beneath the mount point
        away.rename(folder)

    return Place(folder.as_uri(), leave, come_back)


def missing_folder(folder: Path) -> Place:
    away = folder.with_name("elsewhere")
    return Place(folder.as_uri(), lambda: folder.rename(away), lambda: away.rename(folder))


@pytest.fixture(params=["mount", "folder"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return (mount if request.param == "mount" else missing_folder)(tmp_path / "objects")


@pytest.fixture
def s3_environ(s3: S3, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name, value in s3.environ.items():
        monkeypatch.setenv(name, value)
    return s3.environ


@pytest.fixture
def no_bucket(s3_environ: dict[str, str]) -> Storage:
    """A store whose bucket was set up once and has been deleted."""
    name = f"gone-{secrets.token_hex(4)}"
    client = boto3.client(
        "s3", endpoint_url=s3_environ["AWS_ENDPOINT_URL"], region_name="us-east-1",
        aws_access_key_id="tests", aws_secret_access_key="tests",
    )  # fmt: skip
    client.create_bucket(Bucket=name)
    storage = ready_store(f"s3://{name}/logs")
    storage.check()
    client.delete_object(Bucket=name, Key=f"logs/{MARKER}")
    client.delete_bucket(Bucket=name)
    client.close()
    return storage


def calls(storage: Storage) -> list[Callable[[], object]]:
    return [
        lambda: storage.put("jobs/a", [b"v"]),
        lambda: storage.put_bytes("jobs/a", b"v"),
        lambda: storage.get("jobs/a"),
        lambda: storage.stat("jobs/a"),
        lambda: storage.stream("jobs/a"),
        lambda: storage.delete("jobs/a"),
        lambda: storage.delete_folder("jobs"),
        lambda: list(storage.list("jobs")),
        lambda: list(storage.list("")),
        storage.check,
    ]


def check_outage(storage: Storage) -> None:
    for call in calls(storage):
        with pytest.raises(TransientError) as raised:
            call()
        assert raised.value.message == "The storage is unavailable, try again"


def test_a_folder_that_is_not_there_is_an_outage_and_has_all_when_it_is_back(place):
    storage = ready_store(place.url)
    storage.put_bytes("jobs/before", b"kept")

    place.leave()
    check_outage(storage)
    check_outage(open_storage(place.url))  # a process that starts meanwhile
    place.come_back()

    assert [stat.key for stat in storage.list("jobs")] == ["jobs/before"]
    storage.put_bytes("jobs/after", b"x")
    assert storage.get("jobs/before") == b"kept"


def test_a_process_that_starts_while_the_folder_is_away_finds_it_when_it_is_back(place):
    ready_store(place.url).put_bytes("jobs/before", b"kept")
    place.leave()
    storage = open_storage(place.url)
    with pytest.raises(TransientError):
        storage.check()

    place.come_back()

    assert storage.get("jobs/before") == b"kept"


def test_a_bucket_that_is_not_there_is_an_outage(no_bucket):
    check_outage(no_bucket)


def test_a_prefix_of_a_bucket_that_nobody_has_set_up_is_an_outage(s3, s3_environ):
    check_outage(open_storage(f"{s3.url}/{secrets.token_hex(4)}"))


def test_nothing_but_its_set_up_makes_a_folder(tmp_path):
    check_outage(open_storage((tmp_path / "objects").as_uri()))

    assert list(tmp_path.iterdir()) == []


def test_a_put_to_s3_asks_for_the_marker_once_in_a_process(s3, s3_environ, monkeypatch):
    storage = ready_store(f"{s3.url}/{secrets.token_hex(4)}")
    storage.put_bytes("first", b"x")
    heads: list[str] = []
    monkeypatch.setattr(obstore, "head", lambda _store, key: heads.append(key))

    storage.put_bytes("a", b"x")
    storage.put("b", [b"x"])
    assert storage.get("a") == b"x"

    assert heads == []


def test_a_store_can_be_set_up_again_and_its_marker_is_no_object_of_anybody(place):
    storage = ready_store(place.url)
    storage.put_bytes("jobs/a", b"x")

    storage.set_up()

    assert [stat.key for stat in storage.list("")] == ["jobs/a"]


@pytest.fixture
def in_folder(services: Services, tmp_path: Path) -> Services:
    """Services whose store is a folder that nobody has set up."""
    return with_store(services, (tmp_path / "objects").as_uri())


def with_store(services: Services, url: str) -> Services:
    services.storage.__dict__.update(open_storage(url).__dict__)
    return services


def test_the_store_of_a_new_service_is_set_up(in_folder):
    set_up_storage(in_folder)

    in_folder.storage.check()


def test_a_store_of_a_release_before_the_marker_is_known_by_what_it_holds(in_folder, member, tmp_path):
    in_folder.storage.set_up()
    receive(in_folder, member.app, "a-1", kscrash())
    (tmp_path / "objects" / MARKER).unlink()

    set_up_storage(in_folder)

    in_folder.storage.check()


def test_a_store_that_lacks_what_the_database_knows_is_not_set_up_unless_it_is_to_be_a_new_one(
    in_folder, member, tmp_path
):
    in_folder.storage.set_up()
    receive(in_folder, member.app, "a-1", kscrash())
    (tmp_path / "objects").rename(tmp_path / "unmounted")
    (tmp_path / "objects").mkdir()

    with pytest.raises(ConfigError, match="mounted"):
        set_up_storage(in_folder)
    assert list((tmp_path / "objects").iterdir()) == []

    set_up_storage(in_folder, anew=True)
    in_folder.storage.check()


def test_the_command_tells_of_a_store_that_is_not_there_and_begins_with_a_new_one_when_told(tmp_path, monkeypatch):
    for name in ("DATABASE_URL", "REDIS_URL", "STORAGE_URL", "SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "crash.json").write_bytes(kscrash())

    def run(*arguments: str) -> tuple[int, str]:
        ran = CliRunner().invoke(
            main, [*arguments, "--data-dir", str(tmp_path)], input="correct horse battery staple\n"
        )
        return ran.exit_code, ran.output

    assert run("db", "upgrade") == (0, "database is up to date\n")
    run("user", "add", "ada@example.com")
    app = run("app", "add", "Notes", "--owner", "ada@example.com")[1].split()[2]
    assert run("log", "add", "--app", app, str(tmp_path / "crash.json"))[0] == 0
    (tmp_path / "objects").rename(tmp_path / "unmounted")

    code, told = run("db", "upgrade")

    assert (code, "see whether it is mounted" in told) == (1, True)
    (tmp_path / "crash.json").write_bytes(kscrash(frame="-[Other go]"))
    assert run("log", "add", "--app", app, str(tmp_path / "crash.json"))[0] == 1
    assert not (tmp_path / "objects").exists()
    assert run("db", "upgrade", "--new-store")[0] == 0
    assert (tmp_path / "objects" / MARKER).exists()
