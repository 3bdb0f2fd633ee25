"""The Procfile's processes on real servers: PostgreSQL, redis-server, S3, granian, a prefork worker and beat."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest
import redis

from app.cli.http import Http
from tests.factories import kscrash
from tests.servers import free_port, new_database, postgres_server, redis_server, s3_server
from tests.system.conftest import GRACE, Operator, digested, finished, log_in, until

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Stack:
    """A running deployment."""

    http: Http
    environ: dict[str, str]
    app: str
    ingest_key: str

    @property
    def database(self) -> str:
        return self.environ["DATABASE_URL"].replace("+psycopg", "")

    def count(self, statement: str, *values: str) -> int:
        with psycopg.connect(self.database) as connection:
            row = connection.execute(statement, values).fetchone()
        assert row
        return row[0]


@contextmanager
def honcho(environ: dict[str, str], *processes: str) -> Iterator[subprocess.Popen[bytes]]:
    """The Procfile's processes through honcho, stopped by SIGTERM."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"
    command = [sys.executable, "-m", "honcho", "--no-colour", "start", "--no-prefix", *processes]
    with Path(environ["CRASHQ_TEST_LOG"]).open("ab") as log:
        running = subprocess.Popen(
            command, cwd=ROOT, env={**environ, "PATH": path}, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield running
        finally:
            running.terminate()
            running.wait(GRACE)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("production")
    with ExitStack() as servers:
        s3 = servers.enter_context(s3_server())
        postgres = servers.enter_context(postgres_server())
        database = servers.enter_context(new_database(postgres))
        environ = {
            **os.environ,
            **s3.environ,
            "DATABASE_URL": database,
            "REDIS_URL": servers.enter_context(redis_server()),
            "STORAGE_URL": s3.url,
            "SECRET_KEY": "only for this test, opens nothing",
            "PORT": str(free_port()),
            "WEB_CONCURRENCY": "2",
            "CRASHQ_HOST": "127.0.0.1",
            "CRASHQ_TEST_LOG": str(folder / "processes.log"),
        }
        operator = Operator(folder, environ)
        with honcho(environ, "release") as release:
            assert release.wait(GRACE) == 0, Path(environ["CRASHQ_TEST_LOG"]).read_text()
        servers.enter_context(honcho(environ, "web", "worker", "beat"))
        http = Http(f"http://127.0.0.1:{environ['PORT']}")
        until(lambda: _is_ready(http), "the deployment to be ready")
        app, key = operator.add_account()
        log_in(http)
        yield Stack(http, environ, app, key)


def test_a_log_becomes_occurrences_and_a_report(stack: Stack):
    sender = Http(stack.http.base, stack.ingest_key)
    for number in range(3):
        answer = sender.send("POST", f"/api/apps/{stack.app}/logs?log_id=7-1536831773-logs-0000{number}", kscrash())
        assert answer.status == 202

    states = [digested(stack.http, stack.app, f"7-1536831773-logs-0000{number}") for number in range(3)]
    crash = states[0]["occurrences"][0]["crash_identifier"]
    rows = finished(stack.http, f"/api/crashes/{crash}/occurrences")
    export = finished(stack.http, f"/api/crashes/{crash}/export_occurrences?{urlencode(rows[0])}&format=txt")
    report = Http(stack.http.base).send("GET", export["url"])

    assert {row["log_id"] for row in rows} == {f"7-1536831773-logs-0000{number}" for number in range(3)}
    assert report.status == 200
    assert b"NSInvalidArgumentException" in report.body


def test_a_hundred_first_requests_at_once_are_one_job_and_one_execution(stack: Stack):
    crash = _crash(stack, "stampede")
    before = stack.count("SELECT count(*) FROM jobs")
    gate = threading.Barrier(100)

    def ask(_: int) -> str:
        gate.wait()
        answer = Http(stack.http.base, stack.http.token).send("GET", f"/api/crashes/{crash}/occurrences?per_page=77")
        assert answer.status == 200
        return answer.json["job_id"]

    with ThreadPoolExecutor(100) as pool:
        ids = set(pool.map(ask, range(100)))
    finished(stack.http, f"/api/crashes/{crash}/occurrences?per_page=77")

    assert len(ids) == 1
    assert stack.count("SELECT count(*) FROM jobs") == before + 1
    assert stack.count("SELECT attempt FROM jobs WHERE id = %s", ids.pop()) == 1


def test_a_frozen_redis_neither_slows_the_answer_nor_loses_the_job(stack: Stack):
    crash = _crash(stack, "frozen")
    server = _redis_pid(stack)
    os.kill(server, signal.SIGSTOP)
    try:
        started = time.monotonic()
        asked = stack.http.send("GET", f"/api/crashes/{crash}/occurrences")
        took = time.monotonic() - started
        uploaded = stack.http.send("POST", f"/api/apps/{stack.app}/logs?log_id=while-frozen", kscrash())
    finally:
        os.kill(server, signal.SIGCONT)

    rows = finished(stack.http, f"/api/crashes/{crash}/occurrences")

    assert asked.status == 200
    assert took < 1
    assert uploaded.status == 202
    assert len(rows) == 1
    assert digested(stack.http, stack.app, "while-frozen")["status"] == "digested"


def test_an_emptied_redis_loses_nothing(stack: Stack):
    crash = _crash(stack, "emptied")
    client = redis.Redis.from_url(stack.environ["REDIS_URL"])

    for number in range(5):
        stack.http.send("POST", f"/api/apps/{stack.app}/logs?log_id=emptied-{number}", kscrash())
        client.flushall()
    answer = stack.http.send("GET", f"/api/crashes/{crash}/occurrences?per_page=5")
    client.flushall()
    client.close()

    assert answer.status == 200
    assert finished(stack.http, f"/api/crashes/{crash}/occurrences?per_page=5")
    for number in range(5):
        assert digested(stack.http, stack.app, f"emptied-{number}")["status"] == "digested"


def test_prefer_wait_answers_in_one_request(stack: Stack):
    crash = _crash(stack, "waiting")

    answer = stack.http.send("GET", f"/api/crashes/{crash}/occurrences", Prefer="wait=20")

    assert answer.json["loading"] == [False]
    assert answer.headers["Preference-Applied"] == "wait=20"


def test_the_same_request_id_stands_in_the_lines_of_web_and_worker(stack: Stack):
    crash = _crash(stack, "traced")
    stack.http.send("GET", f"/api/crashes/{crash}/occurrences", X_Request_Id="trace-me-1", Prefer="wait=20")

    lines = Path(stack.environ["CRASHQ_TEST_LOG"]).read_text().splitlines()

    assert [line for line in lines if "job_queued" in line and "trace-me-1" in line]
    assert [line for line in lines if "job_finished" in line and "trace-me-1" in line]


@pytest.mark.parametrize("process", ["web", "worker", "beat"])
def test_a_missing_variable_stops_each_process_with_its_name(process: str, tmp_path: Path):
    log = tmp_path / "log"
    environ = {
        **{name: value for name, value in os.environ.items() if name != "SECRET_KEY"},
        "DATABASE_URL": "postgresql+psycopg://nobody@192.0.2.1/none",
        "STORAGE_URL": "memory://",
        "REDIS_URL": "redis://192.0.2.1:6379/0",
        "CRASHQ_TEST_LOG": str(log),
    }

    with honcho(environ, process) as running:
        status = running.wait(GRACE)

    assert status != 0
    assert "SECRET_KEY is not set" in log.read_text()


def _is_ready(http: Http) -> bool:
    try:
        return http.send("GET", "/readyz").status == 200
    except OSError:
        return False


def _crash(stack: Stack, name: str) -> str:
    """A crash of its own with one occurrence; returns its identifier."""
    stack.http.send("POST", f"/api/apps/{stack.app}/logs?log_id={name}", kscrash(frame=f"-[{name.title()} go]"))
    return digested(stack.http, stack.app, name)["occurrences"][0]["crash_identifier"]


def _redis_pid(stack: Stack) -> int:
    with redis.Redis.from_url(stack.environ["REDIS_URL"]) as client:
        return int(client.info("server")["process_id"])
