"""Nobody but its user reads what a service keeps, even where a copy has lost the mode of the data folder."""

import os
import stat
from pathlib import Path

import pytest

from tests.factories import kscrash
from tests.system.conftest import Operator, digested, log_in


@pytest.fixture(autouse=True)
def generous_umask():
    before = os.umask(0o002)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    """Path below the folder -> what others than the owner may do with it; entries that nobody else may use are left out."""
    found = {path: stat.S_IMODE(path.lstat().st_mode) & 0o077 for path in (folder, *folder.rglob("*"))}
    return {str(path.relative_to(folder)): mode for path, mode in found.items() if mode}


def test_whatever_a_running_service_and_its_backup_write_is_its_users_alone(operator: Operator, tmp_path: Path):
    with operator.up() as (_, http):
        app, key = operator.add_account()
        http.token = key
        http.send("POST", f"/api/apps/{app}/logs?log_id=one", kscrash())
        log_in(http)
        digested(http, app, "one")
        operator.run("backup", str(tmp_path / "backup"))
        while_up = modes(operator.data_dir)

    assert while_up == {}
    assert modes(operator.data_dir) == {}
    assert modes(tmp_path / "backup") == {}
    assert list((operator.data_dir / "objects").rglob("*"))


def test_a_proxy_that_sends_stored_files_reads_them_by_its_group(operator: Operator, tmp_path: Path):
    operator.environ["CRASHQ_ACCEL_REDIRECT"] = "/stored"
    operator.environ["STORAGE_URL"] = (tmp_path / "store").as_uri()
    log = tmp_path / "crash.json"
    log.write_bytes(kscrash())

    operator.run("db", "upgrade")  # the service makes its store, with the modes that are asked for
    app, _ = operator.add_account()
    operator.run("log", "add", "--app", app, str(log))
    files = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]

    assert files
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o640}
