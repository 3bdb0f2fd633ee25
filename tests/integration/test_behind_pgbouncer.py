"""A service behind pgbouncer in session mode: what pgbouncer says of itself is an outage, not a bug."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.db import open_database
from app.db.opening import require_pooling_by_session
from app.errors import ConfigError
from app.queueing.broker import MemoryBroker
from app.services import Services
from app.storage import open_storage
from tests.factories import CONFIG, Clock, Member, kscrash, make_crash, make_member, run_enqueued
from tests.servers import Pgbouncer, execute, pgbouncer

ROOT = Path(__file__).parents[2]
GRACE = 20.0  # seconds for an answer of another status


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pgbouncer_that_does_not_pool_by_session_is_refused_by_the_name_of_the_setting(postgres_database, mode):
    with pgbouncer(postgres_database, mode) as running, pytest.raises(ConfigError, match=r"DATABASE_URL .* session"):
        require_pooling_by_session(running.url)


@pytest.mark.parametrize("part", [["app.web.server"], ["celery", "-A", "workers.celery", "worker"]])
def test_web_and_worker_end_with_that_sentence_and_do_not_start(postgres_database, tmp_path, part):
    with pgbouncer(postgres_database, "transaction") as running:
        environ = {
            **os.environ,
            "DATABASE_URL": running.url,
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "STORAGE_URL": tmp_path.as_uri(),
            "SECRET_KEY": "only for tests, opens nothing",
        }
        ended = subprocess.run(
            [sys.executable, "-m", *part], env=environ, capture_output=True, text=True, timeout=60, cwd=ROOT
        )

    assert ended.returncode != 0
    assert ended.stderr.splitlines()[-1].startswith("crashq: DATABASE_URL leads to a pooler")
    assert "Traceback" not in ended.stderr


def test_session_mode_postgresql_itself_and_a_database_that_is_away_are_not(pooler, postgres_database):
    for url in (pooler.url, postgres_database, "postgresql+psycopg://nobody@127.0.0.1:1/none", "sqlite://"):
        require_pooling_by_session(url)


class Poller:
    """Polls one list all the time, and asks for the apps: by driver connections and by sessions."""

    def __init__(self, client: FlaskClient, member: Member, path: str) -> None:
        self.answers: list[TestResponse] = []
        self._stop = Event()
        self._thread = Thread(target=self._run, args=(client, member, path))

    def __enter__(self) -> "Poller":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def await_status(self, status: int) -> None:
        """Return when an answer that comes from now on has this status."""
        after, deadline = len(self.answers), time.monotonic() + GRACE
        while not any(answer.status_code == status for answer in self.answers[after:]):
            assert time.monotonic() < deadline, f"no {status} among {[a.status for a in self.answers[after:]]}"
            time.sleep(0.01)

    def _run(self, client: FlaskClient, member: Member, path: str) -> None:
        while not self._stop.is_set():
            self.answers += [client.get(url, headers=member.headers) for url in (path, "/api/apps")]


@pytest.fixture
def pooler(postgres_database: str) -> Iterator[Pgbouncer]:
    with pgbouncer(postgres_database) as running:
        yield running


@pytest.fixture
def pooled(pooler: Pgbouncer, clock: Clock) -> Iterator[Services]:
    config = replace(CONFIG, database_url=pooler.url)
    made = Services(config, open_database(pooler.url), open_storage("memory://"), MemoryBroker(), clock)
    yield made
    made.close()


@pytest.fixture
def polling(pooled: Services) -> Callable[[], Poller]:
    member = make_member(pooled)
    path = f"/api/crashes/{make_crash(pooled, member.app).identifier}/occurrences"
    return lambda: Poller(create_app(pooled).test_client(), member, path)


def test_statements_are_prepared_anew_on_server_connections_that_others_have_used(postgres_database, clock):
    with pgbouncer(postgres_database, default_pool_size=4) as running:
        config = replace(CONFIG, database_url=running.url)
        member, statuses = None, set()
        for number in range(3):
            services = Services(config, open_database(running.url), open_storage("memory://"), MemoryBroker(), clock)
            try:
                member = member or make_member(services)
                client, app = create_app(services).test_client(), f"/api/apps/{member.app.identifier}"
                sent = client.post(f"{app}/logs?log_id=log-{number}", data=kscrash(), headers=member.sender)
                run_enqueued(services)
                log = client.get(f"{app}/logs/log-{number}", headers=member.headers).json["result"]
                path = f"/api/crashes/{log['occurrences'][0]['crash_identifier']}/occurrences"
                first = client.get(path, headers=member.headers)
                run_enqueued(services)
                last = client.get(path, headers=member.headers)
            finally:
                services.close()
            statuses |= {sent.status_code, first.status_code, last.status_code}

    assert statuses == {200, 202}
    assert last.json["loading"] == [False]


def check_refused(answers: list[TestResponse]) -> None:
    assert {answer.status_code for answer in answers} == {200, 503}
    refused = [answer for answer in answers if answer.status_code == 503]
    for answer in refused:
        words = {"success": False, "status": "unavailable", "error_message": "The database is unavailable, try again"}
        assert answer.json == words
        assert answer.headers["Retry-After"]


def test_a_pgbouncer_that_is_killed_while_requests_poll_is_an_outage(pooler, polling):
    with polling() as poller:
        poller.await_status(200)
        pooler.process.kill()
        poller.await_status(503)

    check_refused(poller.answers)


def test_a_pgbouncer_whose_server_refuses_its_logins_is_an_outage_until_it_takes_them_again(
    postgres_url, postgres_database, polling
):
    name = postgres_database.rpartition("/")[2]
    with polling() as poller:
        poller.await_status(200)
        execute(postgres_url, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        execute(postgres_url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")  # noqa: S608
        poller.await_status(503)
        poller.await_status(503)
        execute(postgres_url, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        poller.await_status(200)

    check_refused(poller.answers)
