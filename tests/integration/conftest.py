"""Fixtures of tests that need a real server: one of each per session, a fresh database per test, services on both databases."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.db import open_database
from app.db.models.job import Job
from app.db.models.webhook import Webhook
from app.jobs import JOB_TYPES, attempt, lists_at_claim
from app.jobs.service import ask
from app.operations.schema import upgrade
from app.queueing.broker import MemoryBroker
from app.services import Services
from app.storage import open_storage
from app.webhooks import settings as webhooks
from tests.factories import CONFIG, Clock, Member, make_crash
from tests.job_types import NAME, FakeJobType, as_job_type
from tests.receiver import Receiver, receiver
from tests.servers import S3, at, execute, new_database, postgres_server, redis_server, s3_server
from tests.webhook_rows import EVERY

TEMPLATE = "crashq_template"


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    with s3_server() as server:
        yield server


@pytest.fixture(scope="session")
def template_database(postgres_url: str) -> str:
    """Name of a PostgreSQL database with every migration and no row, to copy."""
    execute(postgres_url, f"CREATE DATABASE {TEMPLATE}")
    database = open_database(at(postgres_url, TEMPLATE))
    upgrade(database)
    database.close()
    return TEMPLATE


@pytest.fixture
def postgres_database(postgres_url: str, template_database: str) -> Iterator[str]:
    """URL of a PostgreSQL database of this test's own, migrated and empty."""
    with new_database(postgres_url, template_database) as url:
        yield url


@pytest.fixture
def bare_postgres_database(postgres_url: str) -> Iterator[str]:
    """URL of a PostgreSQL database of this test's own without any table."""
    with new_database(postgres_url) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, empty_database: Path) -> str:
    """URL of a migrated, empty database of this test's own: every test that uses it runs on both kinds."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_database"))
    return f"sqlite:///{shutil.copy(empty_database, tmp_path / 'crashq.db')}"


@pytest.fixture
def services(database_url: str, clock: Clock) -> Iterator[Services]:
    config = replace(CONFIG, database_url=database_url)
    db = open_database(database_url, pool_size=24, async_commits=config.speed.async_commits)
    made = Services(config, db, open_storage("memory://"), MemoryBroker(), clock)
    yield made
    made.close()


@pytest.fixture
def job_type(monkeypatch) -> FakeJobType:
    fake = FakeJobType()
    monkeypatch.setitem(JOB_TYPES, NAME, as_job_type(fake))
    return fake


@pytest.fixture
def no_renewals(monkeypatch) -> None:
    """No lease is renewed by itself within a test."""
    monkeypatch.setattr(attempt, "PROGRESS_EVERY", 3_600.0)


@pytest.fixture
def stored_results(monkeypatch) -> None:
    """Even the smallest result lies in the store."""
    monkeypatch.setattr(attempt, "IN_ROW_LIMIT", -1)
    monkeypatch.setattr(lists_at_claim, "IN_ROW_LIMIT", -1)


@pytest.fixture
def ask_again(services: Services, member: Member, job_type: FakeJobType) -> Callable[..., Job]:
    crash = make_crash(services, member.app)
    return lambda **query: ask(services, member.user_id, NAME, crash.identifier, query)


@pytest.fixture
def client_of() -> Callable[[Services], FlaskClient]:
    """A web client of these services."""
    return lambda services: create_app(services).test_client()


@pytest.fixture
def hooked(services: Services) -> Services:
    """Services whose webhooks may reach this machine."""
    return replace(services, config=replace(services.config, webhooks_allow=("127.0.0.0/8",)))


@pytest.fixture
def sink() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def hook(hooked: Services, member: Member, sink: Receiver) -> tuple[Webhook, str]:
    """A webhook of the member's app, and its secret."""
    return webhooks.create(hooked, member.app, webhooks.NewWebhook(url=sink.url, events=EVERY))
