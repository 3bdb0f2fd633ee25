"""PostgreSQL and Redis on free ports, started for the bench; the same settings for crashq and every peer."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import redis

from bench.processes import Part, free_port, running

POSTGRES_PROGRAMS = Path("/usr/lib/postgresql")
POSTGRES_USER = "postgres"  # PostgreSQL refuses to run as root, so root starts it as this user
_QUARTER = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4 // 1024**2
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": f"{_QUARTER}MB",
    "max_wal_size": "4GB",
    "max_connections": "300",
    "jit": "off",
}
"""Durable as by default; a quarter of the memory for buffers, as PostgreSQL's documentation advises."""

SETTINGS_SAID = ", ".join(f"{name}={value}" for name, value in SETTINGS.items())


@contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    """A PostgreSQL in a new folder; gives `user@host:port`, to be put between scheme and database."""
    initdb = _newest_initdb()
    user = POSTGRES_USER if os.geteuid() == 0 else None
    folder.mkdir()
    if user:
        shutil.chown(folder, user)
    data = folder / "data"
    made: list[str | Path] = [initdb, "--pgdata", data, "--username", POSTGRES_USER, "--auth", "trust", "--encoding", "UTF8",
            "--locale", "C.UTF-8", "--no-sync"]  # fmt: skip
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL, user=user, cwd=folder)  # noqa: S603
    port = free_port()
    where = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": str(folder)}
    options = [part for name, value in {**where, **SETTINGS}.items() for part in ("-c", f"{name}={value}")]
    address = f"{POSTGRES_USER}@127.0.0.1:{port}"
    part = Part(
        "PostgreSQL",
        [str(initdb.parent / "postgres"), "-D", str(data), *options],
        folder.parent / "postgresql.log",
        folder=folder,
        user=user,
        stop_signal=signal.SIGINT,  # its fast shutdown
    )
    with running(part, lambda: psycopg.connect(f"postgresql://{address}/postgres", connect_timeout=2).close()):
        yield address


@contextmanager
def redis_server(folder: Path, name: str) -> Iterator[str]:
    """A redis-server without persistence; gives its URL. One for each system, so that its memory can be told apart."""
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("redis-server is not installed, and the bench needs it")
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no",
               "--dir", str(folder)]  # fmt: skip
    with running(Part(f"Redis of {name}", command, folder / f"redis-{name}.log"), lambda: _ping(url)):
        yield url


def version_of(address: str) -> str:
    """PostgreSQL's version."""
    with psycopg.connect(f"postgresql://{address}/postgres") as connection:
        return str(connection.info.server_version // 10_000)


def redis_version(url: str) -> str:
    """Redis' version."""
    with redis.Redis.from_url(url) as client:
        return str(client.info("server")["redis_version"])


def _ping(url: str) -> None:
    with redis.Redis.from_url(url, socket_timeout=1) as client:
        client.ping()


def _newest_initdb() -> Path:
    programs = sorted(POSTGRES_PROGRAMS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3].split(".")[0]))
    if not programs:
        raise SystemExit("PostgreSQL is not installed, and the bench needs it")
    return programs[-1]
