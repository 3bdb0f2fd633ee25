"""A whole deployment as processes that can each be killed, frozen and started again: web, workers, beat."""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import redis

from app.cli.demo import Http, HttpAnswer
from tests.faults.sitecustomize_lines import IN_HASTE, ROOT, at_start
from tests.servers import S3, free_port, new_database
from tests.system.conftest import GRACE, Operator, descendants, is_alive, log_in, until

ROWS = 500_000  # occurrences of the long crash: its list takes long enough to be hit in its midst
LEASE = 3  # seconds; the shortest that the settings allow
SHORT_SETTINGS = {
    "CRASHQ_JOB_LEASE": str(LEASE),
    "CRASHQ_LOG_FORMAT": "json",
    "CRASHQ_HOST": "127.0.0.1",
    "CRASHQ_WORKER_CONCURRENCY": "1",  # one child a worker, so that the one which has a job is known
    "CRASHQ_LONG_JOBS_AT_ONCE": "2",
    "WEB_CONCURRENCY": "2",
    "SECRET_KEY": "only for this test, opens nothing",
}

_redis_databases = count()


@dataclass(frozen=True)
class Servers:
    """What a deployment stands on."""

    postgres: str
    redis: str
    s3: S3


@dataclass
class Part:
    """One line of the Procfile as a process group of its own."""

    name: str
    log: Path
    environ: dict[str, str]
    prefix: str = ""  # a command to run it under
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or start it again."""
        procfile = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
        line = procfile[re.sub(r"\d", "", self.name)]
        path = f"{Path(sys.executable).parent}{os.pathsep}{self.environ['PATH']}"
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {self.prefix} {line}"],
                cwd=ROOT, env={**self.environ, "PATH": path}, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    def signal(self, number: int) -> None:
        """Send a signal to the process and all its children."""
        os.killpg(self.pid, number)

    def kill(self) -> None:
        """kill -9, the children too."""
        with suppress(ProcessLookupError):
            self.signal(signal.SIGKILL)
        if self.process:
            self.process.wait()

    def children(self) -> list[int]:
        """Process ids of what it forked and what lives."""
        return [pid for pid in descendants(self.pid) if is_alive(pid)]

    def kill_children(self) -> int:
        """kill -9 of what it forked, while it lives on; returns how many there were."""
        children = self.children()
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(children)

    def end(self) -> None:
        """Stop politely, then by force."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
        self.kill()


@dataclass
class Deployment:
    """Running parts on a fresh database, and an account to talk to them."""

    folder: Path
    servers: Servers
    environ: dict[str, str]
    parts: dict[str, Part] = field(default_factory=dict)
    http: Http = field(init=False)
    app: str = ""
    key: str = ""
    rows: int = 0  # of the long crash
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.http = Http(f"http://127.0.0.1:{self.environ['PORT']}")

    def __getitem__(self, name: str) -> Part:
        return self.parts[name]

    def add(self, name: str, prefix: str = "", **environ: str) -> Part:
        """Start a part: web, worker or beat, with a number behind when there is more than one.

        Beat has haste, unless it, or all parts, have lines of their own to run first.
        """
        if name == "beat" and "PYTHONPATH" not in environ and self.environ["PYTHONPATH"] == str(ROOT):
            environ |= at_start(self.folder / "haste", IN_HASTE)
        part = Part(name, self.folder / f"{name}.log", {**self.environ, **environ}, prefix)
        self.parts[name] = part
        part.start()
        return part

    def await_ready(self) -> None:
        """Wait until every part answers /readyz."""
        until(lambda: self.send("GET", "/readyz").status == 200, f"readiness, see {self.folder}")

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> HttpAnswer:
        """Send a request; a web that is away counts as status 0."""
        try:
            return self.http.send(method, path, body, **headers)
        except OSError as error:
            return HttpAnswer(0, self.http_headers(), str(error).encode(), 0.0)

    @staticmethod
    def http_headers() -> Any:
        """No headers at all."""
        return {}

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the deployment's database, past the service."""
        with psycopg.connect(self.environ["DATABASE_URL"].replace("+psycopg", ""), autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def redis(self) -> "redis.Redis":
        """A client of the broker, to be closed by the caller."""
        return redis.Redis.from_url(self.servers.redis, socket_timeout=5)

    def new_question(self, crash: str) -> str:
        """A path that asks for the whole list of a crash and has not been asked before."""
        number = next(self._numbers)
        return f"/api/crashes/{crash}/occurrences?until_date=2100-01-01T{number // 60:02d}:{number % 60:02d}:00Z"

    def ask(self, path: str) -> str:
        """Ask until the service takes it; returns the job's id."""
        answer = until(lambda: (got := self.send("GET", path)).status == 200 and got, f"{path} to be taken")
        job_id: str = answer.json["job_id"]
        return job_id

    def ask_batch(self, crash: str, **question: str) -> str:
        """Ask for a batch until the service takes it; returns the job's id."""
        body = json.dumps(question).encode()
        path = f"/api/crashes/{crash}/exports"
        answer = until(lambda: (got := self.send("POST", path, body)).status == 200 and got, f"{path} to be taken")
        job_id: str = answer.json["job_id"]
        return job_id

    def upload(self, log_id: str, content: bytes) -> bool:
        """Send one log; True when it got its 202."""
        return self.send("POST", f"/api/apps/{self.app}/logs?log_id={log_id}", content).status == 202

    def state(self, job_id: str) -> str:
        """The state in a job's row."""
        return str(self.query("SELECT state FROM jobs WHERE id = %s", job_id)[0][0])

    def holder(self, job_id: str, attempt: int | None = None, grace: float = GRACE) -> str:
        """Wait until a worker says that it has begun the job, or that attempt; returns the name of the latest to say so."""
        found = until(lambda: self._begun(job_id, attempt), f"a worker to begin {job_id} {attempt or ''}", grace)
        return str(found)

    def _begun(self, job_id: str, attempt: int | None) -> str | None:
        mark, number = f'"job": "{job_id}"', '"attempt": ' + (f"{attempt}," if attempt else "")
        begun = [
            (line, name)
            for name, part in self.parts.items()
            if part.log.exists()
            for line in part.log.read_text(errors="replace").splitlines()
            if '"job_started"' in line and mark in line and number in line
        ]
        return max(begun, key=lambda pair: _stamp(pair[0]))[1] if begun else None

    def long_crash(self, rows: int = ROWS) -> str:
        """A crash with that many occurrences, all in one log; returns its identifier."""
        identifier = secrets.token_hex(12)
        now = datetime.now(UTC)
        [(app_id,)] = self.query("SELECT id FROM apps WHERE identifier = %s", self.app)
        [(log_row,)] = self.query(
            "INSERT INTO logs (app_id, log_id, sha256, size, storage_key, received_at, status, attempt, strikes, ring_after,"
            " rings) VALUES (%s, %s, %s, 1, 'logs/none', %s, 'digested', 1, 0, %s, 0) RETURNING id",
            app_id, f"long-{identifier}", "0" * 64, now, now,
        )  # fmt: skip
        [(crash_id,)] = self.query(
            "INSERT INTO crashes (app_id, identifier, fingerprint, fingerprint_version, title, first_seen, last_seen,"
            " occurrences_count, revision) VALUES (%s, %s, %s, 1, 'long', %s, %s, %s, 1) RETURNING id",
            app_id, identifier, secrets.token_hex(16), now, now, rows,
        )  # fmt: skip
        self.query(
            "INSERT INTO occurrences (crash_id, log_row, log_id, number, occurred_at, described, app_version, os_name)"
            " SELECT %s, %s, %s, n, timestamptz '2018-09-13 12:00Z' + n * interval '1 second', true, '1.' || n %% 10, 'iOS'"
            " FROM generate_series(1, %s) n",
            crash_id, log_row, f"long-{identifier}", rows,
        )  # fmt: skip
        self.query("ANALYZE occurrences")
        self.rows = rows
        return identifier


@contextmanager
def deployment(
    folder: Path, servers: Servers, workers: int = 2, start: bool = True, **environ: str
) -> Iterator[Deployment]:
    """A deployment with a user logged in; whatever of it still runs at the end is stopped by its process id."""
    # A Redis database of its own: workers of two deployments on one would take each other's messages.
    servers = replace(servers, redis=f"{servers.redis.rpartition('/')[0]}/{next(_redis_databases)}")
    with new_database(servers.postgres) as database, redis.Redis.from_url(servers.redis) as broker:
        broker.flushdb()
        made = Deployment(
            folder,
            servers,
            {
                **os.environ, **servers.s3.environ, "PYTHONPATH": str(ROOT), "DATABASE_URL": database,
                "REDIS_URL": servers.redis, "STORAGE_URL": f"{servers.s3.url}-{secrets.token_hex(4)}",
                "PORT": str(free_port()), **SHORT_SETTINGS, **environ,
            },
        )  # fmt: skip
        # The servers run without durability for speed; an answered commit has to survive a killed PostgreSQL here.
        made.query(f"ALTER DATABASE {database.rpartition('/')[2]} SET synchronous_commit = on")
        operator = Operator(folder, made.environ)
        made.app, made.key = operator.add_account()
        try:
            if start:
                for name in ("web", *(f"worker{number}" for number in range(1, workers + 1)), "beat"):
                    made.add(name)
                made.await_ready()
                log_in(made.http)
            yield made
        finally:
            for part in made.parts.values():
                part.kill()


def _stamp(line: str) -> str:
    found = re.search(r'"timestamp": "([^"]+)"', line)
    return found[1] if found else ""


__all__ = [
    "GRACE",
    "LEASE",
    "ROWS",
    "Deployment",
    "Part",
    "Servers",
    "deployment",
    "is_alive",
    "until",
]
