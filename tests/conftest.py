"""Fixtures that every folder uses: services on SQLite, memory and a movable clock, a web client, a logged-in member."""

import gc
import io
import logging
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from argon2 import PasswordHasher
from flask.testing import FlaskClient

from app import create_app
from app.db import open_database
from app.identity import accounts
from app.ingest import digest
from app.jobs import parts, running
from app.operations.schema import upgrade
from app.queueing.broker import MemoryBroker
from app.services import Services
from app.storage import open_storage
from app.telemetry.log_lines import configure_logs
from tests.compiled_once import compile_rules_once, compile_statements_once
from tests.factories import CONFIG, Clock, Member, make_member, run_enqueued

MEMORY_DISK = Path("/dev/shm")
ROOM = 6 * 2**30  # bytes: for the databases and files of two processes of a whole run


def pytest_configure(config: pytest.Config) -> None:
    """Keep temporary files in memory where there is room: a PostgreSQL database is made there in 12 ms, on a disk in 250.

    With TMPDIR set they lie there, and stay after a failure. A shell's background jobs ignore Ctrl-C, and so would the
    children that tests press it for. Where Python may not keep what it compiles beside the sources, the hundreds of
    processes that tests start keep it there, too: a third of a second less for each.
    """
    if "TMPDIR" not in os.environ and os.access(MEMORY_DISK, os.W_OK) and shutil.disk_usage(MEMORY_DISK).free > ROOM:
        folder = Path(tempfile.mkdtemp(prefix="cq-", dir=MEMORY_DISK))
        folder.chmod(0o755)  # a server that runs as another user has its own folder in it
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))  # also what killed processes have left
        os.environ["TMPDIR"] = str(folder)
        tempfile.tempdir = None  # to be looked up anew
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(Path(tempfile.gettempdir()) / "compiled"))
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Keep the ten thousand collected tests out of what the garbage collector walks through again and again."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test about a part for speed that CRASHQ_WITHOUT leaves out."""
    for marker in item.iter_markers("about_speed"):
        if not CONFIG.speed.has(marker.args[0]):
            pytest.skip(f"CRASHQ_WITHOUT leaves out {marker.args[0]}")


@pytest.fixture(scope="session", autouse=True)
def cheap_applications() -> Iterator[None]:
    """Compile the same URL rules and the same statements once, not in each test."""
    with pytest.MonkeyPatch.context() as patch:
        compile_rules_once(patch)
        compile_statements_once(patch)
        yield


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hash passwords as always, with the least memory and time that argon2 knows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="session", autouse=True)
def own_metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let the processes that tests start count in a folder of this run's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRASHQ_METRICS_DIR", str(tmp_path_factory.mktemp("metrics")))
        yield


@pytest.fixture(scope="session", autouse=True)
def at_leisure() -> Iterator[None]:
    """Let workers within a test go on however slow the machine is: one that has no time left enqueues once more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "GO_ON_FOR", 60.0)
        patch.setattr(parts, "GO_ON_FOR", 0.0)  # one at a time, so that a test may look in between
        patch.setattr(digest, "GO_ON_FOR", 60.0)
        patch.setattr(digest, "PARSE_FOR", 60.0)
        yield


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with every migration and no row, to copy."""
    path = tmp_path_factory.mktemp("schema") / "empty.db"
    database = open_database(f"sqlite:///{path}")
    upgrade(database)
    database.close()
    return path


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """Whatever a test, or a command that it runs, sets up for log lines is undone: the next one sees every level."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**before)
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged while the test runs, as JSON."""
    structlog.contextvars.clear_contextvars()
    with redirect_stderr(io.StringIO()) as written:
        configure_logs("json")
        yield written


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def services(empty_database: Path, tmp_path: Path, clock: Clock) -> Iterator[Services]:
    path = tmp_path / "crashq.db"
    shutil.copy(empty_database, path)
    config = replace(CONFIG, database_url=f"sqlite:///{path}")
    made = Services(config, open_database(config.database_url), open_storage("memory://"), MemoryBroker(), clock)
    yield made
    made.close()


@pytest.fixture
def client(services: Services) -> FlaskClient:
    made: FlaskClient = create_app(services).test_client()
    return made


@pytest.fixture
def member(services: Services) -> Member:
    return make_member(services)


@pytest.fixture
def run_workers(services: Services) -> Callable[[], int]:
    """Call it to do what workers would for every task message so far."""
    return lambda: run_enqueued(services)
