"""`crashq up` and `crashq demo`: one machine, nothing installed but Python."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from app.cli.demo import Http
from tests.factories import kscrash
from tests.servers import missing
from tests.system.conftest import CRASHQ, GRACE, Operator, descendants, digested, finished, is_alive, log_in, until

WITHOUT_REDIS_SERVER = {"PATH": "/nonexistent"}


@dataclass(frozen=True)
class Up:
    """A running `crashq up`."""

    operator: Operator
    process: subprocess.Popen[str]
    http: Http  # logged in
    app: str
    sender: Http  # with the app's ingest key


@pytest.fixture(params=["redis-server", "stand-in"])
def either_broker(request: pytest.FixtureRequest, operator: Operator) -> Operator:
    """The data folder, with the broker being a real redis-server and then fakeredis."""
    if request.param == "stand-in":
        operator.environ.update(WITHOUT_REDIS_SERVER)
    elif not shutil.which("redis-server"):
        missing("redis-server", "Debian's package redis-server has it")
    return operator


def test_a_log_becomes_a_report_ctrl_c_leaves_nothing_a_second_start_goes_on_and_a_kill_takes_its_parts(
    either_broker: Operator, tmp_path: Path
):
    path, later = tmp_path / "crash.json", tmp_path / "later.json"
    path.write_bytes(kscrash())
    later.write_bytes(kscrash(reason="later"))

    with either_broker.up() as (process, http):
        app, key = either_broker.add_account()
        http.token = key
        uploaded = http.send("POST", f"/api/apps/{app}/logs?log_id=2544355787-1536831773-logs-00003", path.read_bytes())
        added = either_broker.run("log", "add", "--app", app, "--wait", "30", str(path))
        log_in(http)
        state = digested(http, app, "2544355787-1536831773-logs-00003")
        crash = state["occurrences"][0]["crash_identifier"]
        rows = finished(http, f"/api/crashes/{crash}/occurrences")
        row = next(row for row in rows if row["log_id"] == "2544355787-1536831773-logs-00003")
        export = finished(http, f"/api/crashes/{crash}/export_occurrences?{urlencode(row)}")
        report = http.send("GET", export["url"])

        below = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        process.wait(GRACE)

    assert uploaded.status == 202
    assert "digested: 1 occurrence, kscrash-json" in added.stdout
    assert row["id"] == "2544355787-1536831773-logs-00003-crash-1"
    assert row["date"] == "2018-09-13"
    assert len(rows) == 2
    assert report.status == 200
    assert report.json["exceptions"][0]["type"] == "NSInvalidArgumentException"
    assert len(below) >= 5
    assert not [pid for pid in below if is_alive(pid)]
    assert process.returncode == 0

    added = either_broker.run("log", "add", "--app", app, str(later))
    with either_broker.up() as (process, http):
        log_in(http)
        apps = http.send("GET", "/api/apps").json["result"]
        state = digested(http, app, added.stdout.split()[-1])

        below = descendants(process.pid)
        process.kill()
        process.wait(GRACE)
        until(lambda: not [pid for pid in below if is_alive(pid)], "every part to end")

    assert [app["name"] for app in apps] == ["Notes"]
    assert "digested when `crashq up` runs" in added.stderr
    assert state["status"] == "digested"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A running `crashq up` for the cases that leave it whole."""
    operator = Operator(tmp_path_factory.mktemp("up") / "data")
    app, key = operator.add_account()
    with operator.up() as (process, http):
        log_in(http)
        yield Up(operator, process, http, app, Http(http.base, key))


def test_a_part_that_dies_is_started_again(shared: Up):
    below = descendants(shared.process.pid)
    workers = [pid for pid in below if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    for pid in workers:
        os.kill(pid, signal.SIGKILL)

    shared.sender.send("POST", f"/api/apps/{shared.app}/logs?log_id=after-the-kill", kscrash())
    state = digested(shared.http, shared.app, "after-the-kill")

    assert workers
    assert state["status"] == "digested"


def test_the_doctor_finds_nothing_in_a_used_folder_and_tells_what_is_lost(operator: Operator, tmp_path: Path):
    path = tmp_path / "crash.json"
    path.write_bytes(kscrash())
    app, _ = operator.add_account()
    operator.run("log", "add", "--app", app, str(path))
    healthy = operator.run("doctor")
    for stored in (operator.data_dir / "objects" / "logs").rglob("crash-*"):
        stored.unlink()

    ill = operator.run("doctor", check=False)
    mended = operator.run("doctor", "--mend")

    assert healthy.stdout == "0 found\n"
    assert (ill.returncode, mended.returncode) == (1, 0)
    assert "has no bytes in the storage" in ill.stdout
    assert operator.run("doctor").stdout == "0 found\n"


def test_a_second_crashq_up_on_the_same_folder_or_port_is_refused(shared: Up, tmp_path: Path):
    port = shared.http.base.rpartition(":")[2]
    same_folder = shared.operator.run("up", "--port", "0", check=False)
    same_port = Operator(tmp_path / "other").run("up", "--port", port, check=False)

    assert (same_folder.returncode, same_port.returncode) == (1, 1)
    assert "running on" in same_folder.stderr
    assert f"port {port} cannot be used" in same_port.stderr


def test_an_unreadable_file_is_named_and_the_others_are_added(operator: Operator, tmp_path: Path):
    good, empty = tmp_path / "good.json", tmp_path / "empty.json"
    good.write_bytes(kscrash())
    empty.touch()
    app, _ = operator.add_account()

    added = operator.run("log", "add", "--app", app, str(empty), str(good), check=False)

    assert added.returncode == 1
    assert f"{empty}: not added: The body is empty" in added.stderr
    assert f"{good}: received as good-" in added.stdout


def test_the_demo_shows_the_main_job_and_every_answer_matches():
    environ = {**os.environ, **WITHOUT_REDIS_SERVER}
    shown = subprocess.run([str(CRASHQ), "demo"], capture_output=True, text=True, env=environ, timeout=2 * GRACE)

    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "checks of the contract hold" in shown.stdout
    assert "Traceback" not in shown.stderr


def test_a_demo_that_stays_can_be_looked_at_and_leaves_nothing_behind(tmp_path: Path):
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([str(CRASHQ), "demo", "--stay"], stdout=subprocess.PIPE, text=True, env=environ) as demo:
        try:
            assert demo.stdout
            told = ""
            while "Ctrl-C ends it" not in told:
                told += demo.stdout.readline() or pytest.fail(told)
            [url] = re.findall(r"sign in at (http://\S+)", told)
            [(email, password)] = re.findall(r"E-mail (\S+), password (\S+)\.", told)
            http = Http(url)
            login = http.send("POST", "/api/login", json.dumps({"email": email, "password": password}).encode())
            http.token = login.json["result"]["auth_token"]
            apps = [app["name"] for app in http.send("GET", "/api/apps").json["result"]]
        finally:
            demo.send_signal(signal.SIGINT)
            rest, _ = demo.communicate(timeout=GRACE)

    assert apps == ["Notes (a made-up app)", "Shop (a made-up app)"]
    assert (demo.returncode, "its data is deleted" in rest) == (0, True)
    assert list(tmp_path.glob("crashq-demo-*")) == []


ENDLESS_FIRST_DIGEST = """
CREATE TRIGGER endless BEFORE INSERT ON occurrences WHEN (SELECT attempt FROM logs WHERE id = NEW.log_row) = 1 BEGIN
    SELECT count(*) FROM (WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT n FROM n);
END
"""


@pytest.mark.parametrize("victim", ["worker", "one of its processes"])
def test_what_a_killed_process_was_at_goes_on_long_before_its_lease_is_over(operator: Operator, victim: str):
    operator.environ["CRASHQ_JOB_LEASE"] = "3600"  # seconds
    app, key = operator.add_account()
    with (
        operator.up() as (_, http),
        closing(sqlite3.connect(operator.data_dir / "crashq.db", isolation_level=None, timeout=GRACE)) as database,
    ):
        database.execute(ENDLESS_FIRST_DIGEST).close()
        http.token = key
        http.send("POST", f"/api/apps/{app}/logs?log_id=held", kscrash())
        until(
            lambda: database.execute("SELECT 1 FROM logs WHERE holder IS NOT NULL").fetchone(), "a process to be at it"
        )
        [holder] = database.execute("SELECT holder FROM logs").fetchone()
        names = re.fullmatch(r".+?:(?P<worker>\d+)(:\w+)?/(?P<process>\d+)(-\w+)?", holder)
        assert names
        os.kill(int(names["worker" if victim == "worker" else "process"]), signal.SIGKILL)

        log_in(http)
        state = digested(http, app, "held")
        attempts = database.execute("SELECT attempt, strikes FROM logs").fetchall()

    assert state["status"] == "digested"
    assert attempts == [(2, 1)]
