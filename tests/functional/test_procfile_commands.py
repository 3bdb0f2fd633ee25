"""`crashq web`, `worker` and `beat` become their programs; `crashq worker-died` frees what a dead worker held."""

import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import select, text, update

from app.cli import main
from app.config import Config, embedded_environment
from app.db import open_database
from app.db.models.log import Log
from app.errors import ConfigError
from app.ingest.receive import receive
from app.operations.schema import upgrade
from app.operations.schema_version import require_current, require_current_schema
from app.queueing.broker import MemoryBroker
from app.services import START, Services, worker_name
from tests.factories import kscrash, make_member
from tests.stores import ready_store

SETTINGS = {
    "DATABASE_URL": "sqlite:////tmp/none.db",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "STORAGE_URL": "memory://",
    "SECRET_KEY": "only for tests, opens nothing",
}


class Became(Exception):
    """In place of the program that takes over the process."""


@pytest.fixture
def become(monkeypatch):
    """Calls a command and returns the arguments and the environment of its program."""
    for name in (*SETTINGS, "CRASHQ_QUEUES", "CRASHQ_WORKER_CONCURRENCY", START):
        monkeypatch.delenv(name, raising=False)

    def execve(program: str, arguments: list[str], environ: dict[str, str]):
        assert program == arguments[0] == sys.executable
        raise Became(arguments[1:], environ)

    monkeypatch.setattr("os.execve", execve)

    def call(*arguments: str, **environ: str) -> tuple[list[str], dict[str, str]]:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        result = CliRunner().invoke(main, arguments)
        assert isinstance(result.exception, Became), result.output
        return result.exception.args

    return call


def test_a_worker_has_the_processes_queues_and_name_that_are_wanted(become):
    arguments, environ = become("worker", "--name", "7f", **SETTINGS, CRASHQ_WORKER_CONCURRENCY="3")
    assert arguments[arguments.index("--concurrency") + 1] == "3"
    assert arguments[arguments.index("--queues") + 1] == "ingest,short,long,upkeep"
    assert environ[START] == "7f"

    arguments, environ = become("worker", CRASHQ_QUEUES="ingest, short")
    assert arguments[arguments.index("--queues") + 1] == "ingest,short"
    assert START not in environ


def test_a_queue_that_is_none_is_refused_by_the_name_of_the_setting(become, monkeypatch):
    for name, value in {**SETTINGS, "CRASHQ_QUEUES": "ingest,fast"}.items():
        monkeypatch.setenv(name, value)

    refused = CliRunner().invoke(main, ["worker"])

    assert refused.exit_code == 1
    assert "CRASHQ_QUEUES has to be some of ingest,short,long,upkeep" in refused.output


def test_what_the_environment_lacks_comes_from_a_data_folder_only_when_one_is_named(become, tmp_path):
    assert become("web")[0] == ["-m", "app.web.server"]
    assert "DATABASE_URL" not in become("web", CRASHQ_DATA_DIR=str(tmp_path))[1]
    assert become("beat", "--data-dir", str(tmp_path))[1]["DATABASE_URL"] == f"sqlite:///{tmp_path}/crashq.db"


def test_the_rows_of_a_dead_worker_are_free_at_once_with_one_failure_and_those_of_others_stay(tmp_path, become):
    config = Config.from_env(embedded_environment(tmp_path, {}), needs_broker=False)
    services = Services(config, open_database(config.database_url), ready_store(config.storage_url), MemoryBroker())
    upgrade(services.db)
    app = make_member(services).app
    for name in ("dead", "alive"):
        receive(services, app, name, kscrash())
        worker = replace(services, worker=worker_name(123, name))
        lease = services.now() + timedelta(seconds=30)
        with services.db.write() as session:
            one = update(Log).where(Log.log_id == name)
            session.execute(one.values(attempt=1, holder=worker.new_holder(), lease_expires_at=lease))

    freed = CliRunner().invoke(main, ["worker-died", "dead", "--data-dir", str(tmp_path)])

    assert freed.exit_code == 0, freed.output
    with services.db.read() as session:
        logs = session.scalars(select(Log).order_by(Log.id)).all()
        assert [(log.failures, log.holder is None, log.lease_expires_at is None) for log in logs] == [
            (1, True, True),
            (0, False, False),
        ]
    services.close()


def test_a_schema_that_is_older_is_refused_and_that_of_a_later_release_is_not(tmp_path):
    url = f"sqlite:///{tmp_path}/crashq.db"
    database = open_database(url)
    upgrade(database)
    require_current_schema(url)

    def at(revision: str) -> None:
        with database.write() as session:
            session.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})

    at("9999")
    require_current(database)
    at("0001")
    with pytest.raises(ConfigError, match=r"has schema 0001, and .* needs 0\d{3}: run `crashq db upgrade` first"):
        require_current_schema(url)
    database.close()


def test_a_database_that_does_not_answer_is_waited_for():
    require_current_schema("postgresql+psycopg://nobody@127.0.0.1:1/none")
