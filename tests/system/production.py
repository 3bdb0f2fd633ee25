"""The Procfile's processes on real servers, as a deployment would run them, with all that watches them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from app.cli.demo import Http
from tests.factories import kscrash
from tests.receiver import Receiver, receiver
from tests.servers import free_port, new_database, postgres_server, redis_server, s3_server
from tests.system.conftest import GRACE, Operator, digested, log_in, until

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Stack:
    """A running deployment."""

    http: Http
    environ: dict[str, str]
    app: str
    ingest_key: str
    traces: Receiver

    @property
    def database(self) -> str:
        return self.environ["DATABASE_URL"].replace("+psycopg", "")

    def count(self, statement: str, *values: str) -> int:
        with psycopg.connect(self.database) as connection:
            row = connection.execute(statement, values).fetchone()
        assert row
        return row[0]

    @property
    def log(self) -> str:
        """All that web, worker and beat have written."""
        return Path(self.environ["CRASHQ_TEST_LOG"]).read_text()

    def metrics(self, base: str = "") -> str:
        """What /metrics of web shows, or that of another address."""
        return Http(base or self.http.base).send("GET", "/metrics").body.decode()

    def crash(self, name: str) -> str:
        """A crash of its own with one occurrence; returns its identifier."""
        path = f"/api/apps/{self.app}/logs?log_id={name}"
        assert self.http.send("POST", path, kscrash(frame=f"-[{name.title()} go]")).status == 202
        return digested(self.http, self.app, name)["occurrences"][0]["crash_identifier"]


@contextmanager
def honcho(environ: dict[str, str], *processes: str) -> Iterator[subprocess.Popen[bytes]]:
    """All or some of the Procfile's processes through honcho, stopped by SIGTERM."""
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


@contextmanager
def deployed(folder: Path) -> Iterator[Stack]:
    """A deployment that is ready, with an account."""
    with ExitStack() as servers:
        s3 = servers.enter_context(s3_server())
        postgres = servers.enter_context(postgres_server())
        traces = servers.enter_context(receiver())
        environ = {
            **os.environ,
            **s3.environ,
            "DATABASE_URL": servers.enter_context(new_database(postgres)),
            "REDIS_URL": servers.enter_context(redis_server()),
            "STORAGE_URL": s3.url,
            "SECRET_KEY": "only for this test, opens nothing",
            "PORT": str(free_port()),
            "WEB_CONCURRENCY": "2",
            "CRASHQ_HOST": "127.0.0.1",
            "CRASHQ_LOG_FORMAT": "json",
            "CRASHQ_METRICS_DIR": str(folder / "metrics"),
            "CRASHQ_METRICS_PORT": str(free_port()),
            "CRASHQ_CANARY_EVERY": "2",
            "CRASHQ_TRACING": "otel",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{traces.port}",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "CRASHQ_TEST_LOG": str(folder / "processes.log"),
        }
        operator = Operator(folder, environ)
        operator.run("db", "upgrade")
        servers.enter_context(honcho(environ))
        http = Http(f"http://127.0.0.1:{environ['PORT']}")
        until(lambda: is_ready(http), "the deployment to be ready")
        app, key = operator.add_account()
        log_in(http)
        yield Stack(http, environ, app, key, traces)


def is_ready(http: Http) -> bool:
    """True when /readyz says so."""
    try:
        return http.send("GET", "/readyz").status == 200
    except OSError:
        return False
