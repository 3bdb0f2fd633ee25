"""Whole services as processes: what a person or a deployment starts."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from app.cli.demo import Http
from app.config import Config, embedded_environment
from app.identity.accounts import create_app_for, create_user
from app.operations.schema import upgrade
from app.operations.schema_version import is_current
from app.operations.store_setup import set_up_storage
from app.services import open_services
from tests.servers import free_port

CRASHQ = Path(sys.executable).with_name("crashq")
EMAIL, PASSWORD = "ada@example.com", "correct horse battery staple"
GRACE = 60.0  # seconds for anything that a process is to do


def until(holds: Callable[[], Any], what: str, grace: float = GRACE, *, every: float = 0.05) -> Any:
    """Wait for a condition and return its value, looking `every` so many seconds; fails with `what` when it does not hold."""
    deadline = time.monotonic() + grace
    while not (value := holds()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {grace:.0f} s for {what}")
        time.sleep(every)
    return value


@dataclass
class Operator:
    """A person at a shell, on one data folder."""

    data_dir: Path
    environ: dict[str, str] = field(default_factory=dict)

    def command(self, *arguments: str) -> list[str]:
        return [str(CRASHQ), *arguments, "--data-dir", str(self.data_dir)]

    def run(self, *arguments: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            input=stdin,
            capture_output=True,
            text=True,
            check=check,
            env=self._environ,
            timeout=GRACE,
        )

    def add_account(self) -> tuple[str, str]:
        """A user and an app, as `crashq user add` and `app add` make them; returns the app's identifier and its ingest key."""
        with patch.dict(os.environ, self._environ, clear=True):
            config = Config.from_env(embedded_environment(self.data_dir), needs_broker=False)
            with closing(open_services(config)) as services:
                if not is_current(services.db):
                    upgrade(services.db)
                    set_up_storage(services)
                create_user(services, EMAIL, PASSWORD)
                return create_app_for(services, "Notes", EMAIL)

    @contextmanager
    def up(self, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], Http]]:
        """A running `crashq up`, and a client that talks to it; killed at the end unless it was stopped before."""
        port = free_port()
        process = subprocess.Popen(
            self.command("up", "--port", str(port), *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._environ,
            start_new_session=True,
        )
        try:
            assert process.stdout
            first = process.stdout.readline()
            if "crashq is up" not in first:
                process.send_signal(signal.SIGINT)  # its output ends with it
                pytest.fail(f"crashq up says: {first}{process.stdout.read()}")
            yield process, Http(f"http://127.0.0.1:{port}")
        finally:
            kill_all(process)
            assert process.stdout is not None
            process.stdout.close()

    @property
    def _environ(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DATABASE_", "REDIS_", "STORAGE_"))
        }
        return {**kept, **self.environ}


def kill_all(process: subprocess.Popen[Any]) -> None:
    """kill -9 of a process and of all that it has begun: faster than a stop, which has tests of its own."""
    pids = [process.pid, *descendants(process.pid)] if process.poll() is None else []
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait(GRACE)
    until(lambda: not any(is_alive(pid) for pid in pids), "all that it has begun to end")


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path / "data")


def log_in(http: Http) -> None:
    """Log the test's user in."""
    body = b'{"email":"%s","password":"%s"}' % (EMAIL.encode(), PASSWORD.encode())
    http.token = http.send("POST", "/api/login", body).json["result"]["auth_token"]


def finished(http: Http, path: str) -> Any:
    """Poll a question until its result is whole; returns the result."""
    return until(
        lambda: (
            (answer := http.send("GET", path)).status == 200
            and answer.json["loading"] == [False]
            and [answer.json["result"]]
        ),
        f"{path} to finish",
    )[0]


def digested(http: Http, app: str, log_id: str) -> dict[str, Any]:
    """Wait until a log is digested or rejected; returns its state."""
    path = f"/api/apps/{app}/logs/{log_id}"
    found: dict[str, Any] = until(
        lambda: (state := http.send("GET", path).json["result"])["status"] != "received" and state,
        f"{log_id} to be digested",
    )
    return found


def descendants(pid: int) -> set[int]:
    """Every process below this one, by Linux's /proc."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, waiting = set(), [pid]
    while waiting:
        for child in children.get(waiting.pop(), []):
            found.add(child)
            waiting.append(child)
    return found


def is_alive(pid: int) -> bool:
    """True unless the process is gone or a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
