"""The data folder may have any name: what is written into settings of other programs is quoted as they want it."""

import shutil
from pathlib import Path

import pytest
import redis

from app.cli.processes import Processes, start_broker
from tests.servers import missing
from tests.system.conftest import Operator, log_in

NAMES = [
    "a b", "dät a #1", "it's", 'say "so"', "back\\slash", "per%20cent", "${HOME}", "a\tb", "two\nlines", "データ",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_redis_server_starts_in_a_folder_of_that_name(name, tmp_path):
    if not shutil.which("redis-server"):
        missing("redis-server", "Debian's package redis-server has it")
    folder = tmp_path / name
    folder.mkdir()
    processes = Processes(folder / "logs")
    try:
        with redis.Redis.from_url(start_broker(processes, folder)) as client:
            assert client.config_get("dir") == {"dir": str(folder)}
    finally:
        processes.stop()


def test_the_whole_service_is_up_in_a_folder_of_such_a_name(tmp_path):
    operator = Operator(tmp_path / 'dät "a" #1 50%')

    with operator.up() as (_, http):
        operator.add_account()
        log_in(http)
    backed_up = operator.run("backup", str(tmp_path / "made of it"))

    assert backed_up.stdout.startswith("backed up: the database")
    assert Path(operator.data_dir / "crashq.db").exists()


def test_a_name_that_no_database_url_can_hold_is_refused(tmp_path):
    ended = Operator(tmp_path / "what?").run("doctor", check=False)

    assert ended.returncode == 1
    assert ended.stderr.endswith("a question mark cannot stand in it\n")
