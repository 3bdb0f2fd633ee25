"""Real servers on free ports of this machine, started for tests and stopped after them, each by its own process."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import psycopg
import pytest
import redis
from botocore.config import Config as BotoConfig
from botocore.exceptions import BotoCoreError, ClientError

START_GRACE = 30.0  # seconds for a server to answer
LOOK_EVERY = 0.05  # seconds between looks while it starts
STOP_GRACE = 10.0  # seconds to end politely
POSTGRES_PROGRAMS = Path("/usr/lib/postgresql")
POSTGRES_USER = "postgres"  # PostgreSQL refuses to run as root, so root starts it as this user
REDIS_DATABASES = 1_000  # of a server: each deployment of a run has one of its own
BUCKET = "crashq-tests"
FIRST_PORT, PORTS_EACH, MOST_PROCESSES = 12_000, 1_000, 16

_ports = count(secrets.randbelow(PORTS_EACH))  # not the same ones as another run on this machine


@dataclass(frozen=True)
class S3:
    """A running S3 server with one empty bucket."""

    url: str  # for STORAGE_URL
    environ: dict[str, str]  # AWS_* variables that lead obstore to it


@dataclass(frozen=True)
class Pgbouncer:
    """A running pgbouncer before a PostgreSQL."""

    url: str  # of the same database, through it
    process: subprocess.Popen[bytes]


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now, and that no test beside this one takes before it is used.

    Each process of pytest-xdist has a range of its own, below those ports that the kernel gives to clients.
    """
    index = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = FIRST_PORT + index % MOST_PROCESSES * PORTS_EACH
    while True:
        port = first + next(_ports) % PORTS_EACH
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


@contextmanager
def redis_server(*more: str) -> Iterator[str]:
    """A redis-server without persistence and with more settings; gives its URL."""
    program = shutil.which("redis-server") or missing("redis-server", "Debian's package redis-server has it")
    port = free_port()
    settings = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no",
                "--databases", str(REDIS_DATABASES), *more]  # fmt: skip
    with (
        tempfile.TemporaryDirectory() as folder,
        _running([program, *settings, "--dir", folder], Path(folder)) as server,
    ):
        url = f"redis://127.0.0.1:{port}/0"

        def answers() -> None:
            with redis.Redis.from_url(url, socket_timeout=1) as client:
                client.ping()

        _await(server, Path(folder), answers, redis.RedisError)
        yield url


@contextmanager
def sentinel(master_url: str, name: str) -> Iterator[int]:
    """A Redis Sentinel that watches one master under a name; gives its port."""
    program = shutil.which("redis-server") or missing("redis-server", "Debian's package redis-server has it")
    port, master = free_port(), urlsplit(master_url)
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "sentinel.conf"
        settings.write_text(f"bind 127.0.0.1\nport {port}\nsentinel monitor {name} {master.hostname} {master.port} 1\n")
        with (
            _running([program, str(settings), "--sentinel"], Path(folder)) as process,
            redis.Redis(port=port, socket_timeout=1) as client,
        ):
            _await(process, Path(folder), lambda: client.sentinel_master(name), redis.RedisError)
            yield port


@contextmanager
def postgres_server(port: int | None = None, prefix: Sequence[str] = (), max_connections: int = 200) -> Iterator[str]:
    """A PostgreSQL without durability; gives the URL of its database `postgres`, of which every user is a superuser.

    `prefix`: a command to run it under.
    """
    programs = sorted(POSTGRES_PROGRAMS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3].split(".")[0]))
    initdb = programs[-1] if programs else Path(missing("PostgreSQL's initdb", "Debian's package postgresql has it"))
    user = POSTGRES_USER if os.geteuid() == 0 else None
    port = port or free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if user:
            shutil.chown(folder, user)
        data = folder / "data"
        made: list[str | Path] = [initdb, "--pgdata", data, "--username", POSTGRES_USER, "--auth", "trust", "--encoding", "UTF8",
                "--locale", "C.UTF-8", "--no-sync"]  # fmt: skip
        subprocess.run(
            made, check=True, stdout=subprocess.DEVNULL, user=user, cwd=folder, env=os.environ | {"LC_ALL": "C.UTF-8"}
        )
        options = {
            "listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder, "fsync": "off",
            "synchronous_commit": "off", "full_page_writes": "off", "max_connections": max_connections,
        }  # fmt: skip
        settings = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        command = [*prefix, str(initdb.parent / "postgres"), "-D", str(data), *settings]
        with _running(command, folder, user) as server:
            address = f"{POSTGRES_USER}@127.0.0.1:{port}/postgres"
            _await(
                server,
                folder,
                lambda: psycopg.connect(f"postgresql://{address}", connect_timeout=2).close(),
                psycopg.Error,
            )
            yield f"postgresql+psycopg://{address}"


@contextmanager
def pgbouncer(database_url: str, mode: str = "session", **more: int) -> Iterator[Pgbouncer]:
    """A pgbouncer before one database, by default in session mode; it tries a server login that failed again after a second."""
    program = shutil.which("pgbouncer") or missing("pgbouncer", "Debian's package pgbouncer has it")
    port, behind = free_port(), urlsplit(database_url)
    name = behind.path.removeprefix("/")
    settings = {
        "listen_addr": "127.0.0.1", "listen_port": port, "unix_socket_dir": "", "auth_type": "any",
        "pool_mode": mode, "ignore_startup_parameters": "options", "server_login_retry": 1,
        "query_wait_timeout": 2,  # seconds that a client waits for a server connection; its default is 120
        **more,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        server = f"host={behind.hostname} port={behind.port} user={POSTGRES_USER}"
        lines = ["[databases]", f"{name} = {server}", "[pgbouncer]", *(f"{key} = {settings[key]}" for key in settings)]
        (Path(folder) / "pgbouncer.ini").write_text("\n".join(lines) + "\n")
        user = POSTGRES_USER if os.geteuid() == 0 else None  # it refuses to run as root
        if user:
            shutil.chown(folder, user)
        with _running([program, str(Path(folder) / "pgbouncer.ini")], Path(folder), user) as process:
            address = f"{POSTGRES_USER}@127.0.0.1:{port}/{name}"
            _await(
                process,
                Path(folder),
                lambda: psycopg.connect(f"postgresql://{address}", connect_timeout=2).close(),
                psycopg.Error,
            )
            yield Pgbouncer(f"postgresql+psycopg://{address}", process)


@contextmanager
def s3_server() -> Iterator[S3]:
    """Moto's S3 server with a bucket; gives the STORAGE_URL and the variables that go with it."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    environ = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ENDPOINT": endpoint,
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "tests",
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with tempfile.TemporaryDirectory() as folder, _running(command, Path(folder)) as server:
        client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="tests",
            aws_secret_access_key="tests",
            config=BotoConfig(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10),
        )
        try:
            _await(server, Path(folder), lambda: client.create_bucket(Bucket=BUCKET), (BotoCoreError, ClientError))
        finally:
            client.close()
        yield S3(f"s3://{BUCKET}/tests", environ)


def execute(url: str, statement: str) -> None:
    """Run one statement outside a transaction."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement)


def at(url: str, database: str) -> str:
    """The URL of another database of the same server."""
    return f"{url.rpartition('/')[0]}/{database}"


@contextmanager
def new_database(server_url: str, template: str = "") -> Iterator[str]:
    """A database that lives as long as the block, empty or a copy of another one; gives its URL."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server_url.replace("+psycopg", ""), autocommit=True) as connection:
        strategy = "STRATEGY file_copy" if connection.info.server_version >= 150_000 else ""  # half the processor time
        connection.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template} {strategy}" if template else ""))
    try:
        yield at(server_url, name)
    finally:
        execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def missing(program: str, remedy: str) -> str:
    """End the test: skipped on a newcomer's machine, failed where every server has to be there."""
    why = f"{program} is not installed, and this test needs it ({remedy})"
    if os.environ.get("CRASHQ_REQUIRE_SERVERS") == "1":
        pytest.fail(why)
    pytest.skip(why)


@contextmanager
def _running(command: list[str], folder: Path, user: str | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """The process while the block runs; its output goes to `server.log` in the folder."""
    with (folder / "server.log").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder, user=user)
        try:
            yield process
        finally:
            process.terminate() if user is None else process.send_signal(2)  # SIGINT: PostgreSQL's fast shutdown
            try:
                process.wait(STOP_GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await(
    server: subprocess.Popen[bytes],
    folder: Path,
    answers: Callable[[], object],
    not_yet: type[Exception] | tuple[type[Exception], ...],
) -> None:
    deadline = time.monotonic() + START_GRACE
    while True:
        try:
            answers()
            return
        except not_yet as error:
            if server.poll() is not None or time.monotonic() > deadline:
                output = (folder / "server.log").read_text(errors="replace")
                raise AssertionError(f"{server.args!r} did not start:\n{output}") from error
        time.sleep(LOOK_EVERY)
