"""A real web server without workers: jobs stay where they are until the test, which has the same data, works on them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.cli.demo import Http
from app.clock import utc_now
from app.config import Config
from app.db import open_database
from app.operations.schema import upgrade
from app.queueing.broker import MemoryBroker
from app.services import Services
from tests.factories import Member, make_member, run_enqueued
from tests.faults.sitecustomize_lines import at_start
from tests.servers import free_port
from tests.stores import ready_store
from tests.system.conftest import until

ORIGIN = "https://panel.example.com"
CHEAP_PASSWORDS = """
from argon2 import PasswordHasher
from app.identity import accounts
accounts._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""
THREADS, STREAMS = 2, 8


@dataclass
class Web:
    """The server, and its data from the inside."""

    base: str
    services: Services  # of this process, on the same data; what it enqueues is what this process does
    client: FlaskClient  # of this process
    member: Member
    pid: int

    @property
    def http(self) -> Http:
        """A client with the member's login."""
        return Http(self.base, self.member.token)

    def work(self) -> int:
        """Do what workers would for whatever `client` has asked for."""
        return run_enqueued(self.services)


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    folder, port = tmp_path_factory.mktemp("live"), free_port()
    environ = {
        "DATABASE_URL": f"sqlite:///{folder}/crashq.db", "STORAGE_URL": (folder / "objects").as_uri(), "PORT": str(port),
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0", "SECRET_KEY": "only for tests, opens nothing",
        "WEB_CONCURRENCY": "1", "CRASHQ_WEB_THREADS": str(THREADS), "CRASHQ_WEB_STREAMS": str(STREAMS),
        "CRASHQ_CORS_ORIGINS": ORIGIN, "CRASHQ_HOST": "127.0.0.1",
    }  # fmt: skip
    config = Config.from_env(environ)
    database = open_database(config.database_url)
    upgrade(database)
    services = Services(config, database, ready_store(config.storage_url), MemoryBroker(), utc_now)
    member = make_member(services)
    with _serving(environ | at_start(folder, CHEAP_PASSWORDS), folder / "web.log") as process:
        base = f"http://127.0.0.1:{port}"
        until(lambda: _is_up(base), f"the server, see {folder}/web.log")
        yield Web(base, services, create_app(services).test_client(), member, process.pid)
    services.close()


@contextmanager
def _serving(environ: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.web.server"], env={**os.environ, **environ}, stdout=output, stderr=output
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _is_up(base: str) -> Any:
    try:
        return Http(base).send("GET", "/healthz").status == 200
    except OSError:
        return False


@pytest.fixture
def colleague(web: Web) -> Callable[[str], Member]:
    """Another user of the same server, with an app of their own."""
    return lambda name: make_member(web.services, f"{name}@example.com", f"App of {name}")
