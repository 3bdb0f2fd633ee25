"""A client whose time is the test's, and a server that answers as the test says."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.client import Client, ClientError, Limits
from tests.client_clock import FakeClock
from tests.scripted_server import ScriptedServer, scripted_server
from tests.system.conftest import CRASHQ, EMAIL, GRACE, PASSWORD, Operator, descendants

TOKEN = "tok-secret_0123456789"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        yield running


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def retries() -> list[ClientError]:
    return []


@pytest.fixture
def afar(server: ScriptedServer, clock: FakeClock, retries: list[ClientError]) -> Iterator[Client]:
    limits = Limits(connect=5, silence=10, patience=60)
    with Client(
        server.url, TOKEN, clock=clock, limits=limits, on_trouble=lambda problem, _: retries.append(problem)
    ) as made:
        yield made


@dataclass(frozen=True)
class Service:
    """A running `crashq up` with an account."""

    process: subprocess.Popen[str]
    url: str
    app: str
    key: str
    email: str = EMAIL
    password: str = PASSWORD

    def kill_web(self) -> int:
        """kill -9 of every web process; `crashq up` starts it again. Returns how many there were."""
        webs = [
            pid
            for pid in descendants(self.process.pid)
            if b"app.web.server" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        for pid in webs:
            os.kill(pid, signal.SIGKILL)
        return len(webs)

    def signed_in(self, **more: Any) -> Client:
        made = Client(self.url, **more)
        made.login(self.email, self.password)
        return made


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The whole service on this machine, for all tests of a process."""
    operator = Operator(tmp_path_factory.mktemp("service") / "data")
    app, key = operator.add_account()
    with operator.up() as (process, http):
        yield Service(process, http.base, app, key)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the settings of the test's user are."""
    return tmp_path_factory.mktemp("settings")


def environ(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRASHQ_")}
    return {**kept, "XDG_CONFIG_HOME": str(home), **more}


Crashq = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def crashq(home: Path) -> Crashq:
    """The real command, its streams being pipes."""

    def run(*arguments: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        command = [str(CRASHQ), "remote", *arguments]
        return subprocess.run(
            command, input=stdin, capture_output=True, text=True, env=environ(home, **more), timeout=GRACE
        )

    return run
