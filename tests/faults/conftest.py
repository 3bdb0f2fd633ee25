"""The servers that faults are injected into, one deployment on them for most cases, and the ledger of what was measured."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.faults.deployment import LEASE, Deployment, Servers, deployment
from tests.faults.ledger import Ledger
from tests.faults.mortal import Mortal, mortal_postgres, mortal_redis
from tests.faults.promises import await_jobs
from tests.servers import postgres_server, redis_server, s3_server

SWEEP_EVERY = 5.0  # seconds, of workers/schedule.py
SLACK = 20.0  # seconds for starting processes on a busy machine
RECOVERY = LEASE + 2 * SWEEP_EVERY + SLACK  # seconds after which a job has to have ended, and a small log's digest too


@dataclass(frozen=True)
class Export:
    """A crash whose list takes a while."""

    crash: str
    seconds: float  # of an undisturbed run


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    with postgres_server() as postgres, redis_server() as broker, s3_server() as s3:
        yield Servers(postgres, broker, s3)


@pytest.fixture(scope="session")
def redis_process(servers: Servers) -> Iterator[Mortal]:
    with mortal_redis(servers.redis) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_process(servers: Servers) -> Iterator[Mortal]:
    with mortal_postgres(servers.postgres) as server:
        yield server


@pytest.fixture(scope="session")
def running(
    servers: Servers,
    redis_process: Mortal,
    postgres_process: Mortal,  # asked for here so that they end after the deployment
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Deployment]:
    """Web, two workers and beat, for every case that needs no deployment of its own."""
    with deployment(tmp_path_factory.mktemp("deployment"), servers) as made:
        yield made


@pytest.fixture
def here(running: Deployment) -> Deployment:
    """The deployment with every part alive, whatever the case before has left dead."""
    for part in running.parts.values():
        if part.process and part.process.poll() is not None:
            part.start()
    running.await_ready()
    return running


@pytest.fixture(scope="session")
def export(running: Deployment) -> Export:
    """The long crash of the deployment."""
    here = running
    crash = here.long_crash()
    job = here.ask(here.new_question(crash))
    here.holder(job)
    started = time.monotonic()
    await_jobs(here, [job], 60)
    seconds = time.monotonic() - started
    assert seconds > 0.5, f"the export takes only {seconds:.2f} s, too short to be hit"
    return Export(crash, seconds)


@pytest.fixture(scope="session")
def ledger() -> Iterator[Ledger]:
    made = Ledger()
    yield made
    made.write()
