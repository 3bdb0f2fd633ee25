"""`crashq regroup`: what an operator sees, on a folder without a running service."""

import pytest
from click.testing import CliRunner
from sqlalchemy import delete, func, select

from app.cli import main
from app.config import Config, embedded_environment
from app.db import open_database
from app.db.models.crash_figure import CrashFigure
from app.db.models.regrouping import Regrouping
from app.operations.schema import upgrade
from app.queueing.broker import MemoryBroker
from app.services import Services
from tests.factories import Clock, make_member, run_enqueued
from tests.regrouping import counted, rules_of_the_next_version, send
from tests.stores import ready_store


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("DATABASE_URL", "REDIS_URL", "STORAGE_URL", "SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "data"


@pytest.fixture
def embedded(folder):
    """The folder's services, with three logs that other rules have grouped."""
    config = Config.from_env(embedded_environment(folder, {}), needs_broker=False)
    made = Services(
        config, open_database(config.database_url), ready_store(config.storage_url), MemoryBroker(), Clock()
    )
    upgrade(made.db)
    with rules_of_the_next_version():
        send(made, make_member(made), lambda: run_enqueued(made), "-[A go]", "-[A go]", "-[B go]")
    yield made
    made.close()


def regroup(folder, *arguments: str):
    return CliRunner().invoke(main, ["regroup", "--data-dir", str(folder), *arguments])


def test_it_regroups_every_app_by_itself_where_no_service_runs_and_tells_how_it_went(folder, embedded):
    old = counted(embedded)

    told = regroup(folder)

    assert told.exit_code == 0
    assert "3 logs, 3 occurrences moved, 0 unreadable" in told.output
    assert sorted(counted(embedded).values()) == [1, 2]
    assert not set(counted(embedded)) & set(old)


def test_without_waiting_it_leaves_the_work_to_the_service(folder, embedded):
    told = regroup(folder, "--no-wait")

    with embedded.db.read() as session:
        [row] = session.scalars(select(Regrouping))
    assert told.exit_code == 0
    assert "the logs are regrouped when `crashq up` runs" in told.output
    assert (row.done, row.total, row.finished_at) == (0, 3, None)


def test_an_unknown_app_is_told_in_a_sentence(folder, embedded):
    told = regroup(folder, "--app", "0" * 24)

    assert told.exit_code == 1
    assert "There is no app" in told.output


def test_figures_are_counted_anew_without_reading_a_log(folder, embedded):
    with embedded.db.write() as session:
        session.execute(delete(CrashFigure))
    old = counted(embedded)

    told = regroup(folder, "--figures")

    assert told.exit_code == 0
    assert "figures of 2 crashes counted" in told.output
    assert counted(embedded) == old
    with embedded.db.read() as session:
        versions = select(func.sum(CrashFigure.occurrences)).where(CrashFigure.fact == "app_version")
        assert session.scalar(versions) == 3
