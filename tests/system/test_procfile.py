"""The Procfile as it stands, on SQLite, a folder and a real Redis: refused before the release command, then run and stopped."""

import os
from pathlib import Path

import pytest

from app.cli.demo import Http
from tests.factories import kscrash
from tests.servers import free_port, redis_server
from tests.system.conftest import GRACE, Operator, descendants, digested, is_alive, log_in, until
from tests.system.production import honcho, is_ready


@pytest.fixture
def operator(tmp_path: Path):
    with redis_server() as url:
        environ = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{tmp_path}/crashq.db",
            "REDIS_URL": url,
            "STORAGE_URL": (tmp_path / "objects").as_uri(),
            "SECRET_KEY": "only for this test, opens nothing",
            "PORT": str(free_port()),
            "CRASHQ_HOST": "127.0.0.1",
            "CRASHQ_LOG_FORMAT": "json",
            "CRASHQ_METRICS_DIR": str(tmp_path / "metrics"),
            "CRASHQ_WORKER_CONCURRENCY": "1",
            "CRASHQ_QUEUES": "ingest, upkeep",
            "WEB_CONCURRENCY": "1",
            "CRASHQ_TEST_LOG": str(tmp_path / "log"),
        }
        yield Operator(tmp_path, environ)


def test_honcho_start_serves_once_the_schema_is_there_and_stops_when_it_is_told_to(operator: Operator):
    log = Path(operator.environ["CRASHQ_TEST_LOG"])
    with honcho(operator.environ, "web") as refused:
        assert refused.wait(GRACE) != 0
    assert "crashq: The database lacks the tables of crashq: run `crashq db upgrade` first" in log.read_text()
    assert "Traceback" not in log.read_text()
    log.write_text("")
    operator.run("db", "upgrade")
    app, key = operator.add_account()

    with honcho(operator.environ) as running:
        http = Http(f"http://127.0.0.1:{operator.environ['PORT']}", key)
        until(lambda: is_ready(http), "the Procfile's processes to be ready")
        http.send("POST", f"/api/apps/{app}/logs?log_id=one", kscrash())
        log_in(http)
        state = digested(http, app, "one")
        processes = descendants(running.pid)

    assert state["status"] == "digested"
    assert len(processes) >= 5  # web and worker have children
    assert not any(is_alive(pid) for pid in processes)
