"""Hypothesis profiles and the services that state machines drive: on both databases, silent, with faults on demand."""

import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite(
    "tests.properties.job_model",
    "tests.properties.job_attempts",
    "tests.properties.job_checks",
    "tests.properties.job_world",
    "tests.properties.log_checks",
    "tests.properties.log_world",
    "tests.properties.work_model",
    "tests.properties.work_attempts",
    "tests.properties.work_world",
)
from app.db import open_database  # noqa: E402
from app.jobs import attempt  # noqa: E402
from app.operations.schema import upgrade  # noqa: E402
from app.queueing.broker import MemoryBroker  # noqa: E402  after the hook above, which has to come before any import
from app.services import Services  # noqa: E402
from app.storage import open_storage  # noqa: E402
from tests.factories import CONFIG, Clock  # noqa: E402
from tests.properties.faulty import FaultyDatabase  # noqa: E402
from tests.servers import new_database, postgres_server  # noqa: E402

SLOW = [
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.filter_too_much,
    HealthCheck.function_scoped_fixture,
]
LIVE_JOBS = 4  # a user may wait for; fewer than there are questions, so that the limit is met

settings.register_profile(
    "gate", max_examples=60, stateful_step_count=30, deadline=None, derandomize=True, print_blob=True, suppress_health_check=SLOW
)  # fmt: skip
settings.register_profile(
    "soak", max_examples=3_000, stateful_step_count=50, deadline=None, print_blob=True, suppress_health_check=SLOW
)
settings.load_profile("soak" if os.environ.get("CRASHQ_SOAK") else "gate")


@pytest.fixture(scope="module", autouse=True)
def _silence() -> Iterator[None]:
    """No log lines: a machine makes some hundred thousand of them, and formats as many stack traces."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.fixture(autouse=True)
def _leases_are_renewed_at_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt renews its lease at the machine's steps, never in between."""
    monkeypatch.setattr(attempt, "PROGRESS_EVERY", 3_600.0)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> Iterator[str]:
    """Name of a PostgreSQL database with every migration and no row, to copy."""
    with new_database(postgres_url) as url:
        database = open_database(url)
        upgrade(database)
        database.close()
        yield url.rpartition("/")[2]


@pytest.fixture
def postgres_database(postgres_url: str, postgres_template: str) -> Iterator[str]:
    with new_database(postgres_url, postgres_template) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def services(request: pytest.FixtureRequest, empty_database: Path, tmp_path: Path, clock: Clock) -> Iterator[Services]:
    """Services on a database of this test's own, whose transactions can be interrupted and made to fail."""
    if request.param == "postgresql":
        url = str(request.getfixturevalue("postgres_database"))
    else:
        url = f"sqlite:///{shutil.copy(empty_database, tmp_path / 'crashq.db')}"
    config = replace(CONFIG, database_url=url, live_jobs_per_user=LIVE_JOBS)
    made = Services(config, FaultyDatabase(url), open_storage("memory://"), MemoryBroker(), clock)
    yield made
    made.close()
