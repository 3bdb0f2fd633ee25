"""The schema: from empty to the newest release and back, equal to the models, on both databases."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from threading import Thread

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import delete, event, inspect, select

from app.db import Base, Database, open_database, tables
from app.db.models.crash import Crash
from app.db.models.occurrence import Occurrence
from app.operations.schema import LOCK_KEY, upgrade
from app.operations.schema_version import MIGRATIONS, is_current
from app.queueing.broker import MemoryBroker
from app.services import Services
from app.storage import open_storage
from tests.factories import CONFIG, NOON, add_occurrence, make_crash, make_member

TABLES = {"alembic_version", *(table.name for table in Base.metadata.sorted_tables)}


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request, tmp_path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("bare_postgres_database"))
    return f"sqlite:///{tmp_path / 'bare.db'}"


@pytest.fixture
def database(bare_url: str) -> Iterator[Database]:
    opened = open_database(bare_url)
    yield opened
    opened.close()


def tables_in(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names())


def differences(database: Database) -> list[object]:
    """What `alembic check` would complain of."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, Base.metadata)


def test_every_module_of_tables_is_known():
    assert len(tables.MODULES) == 44
    assert {
        "users",
        "tokens",
        "app_removals",
        "account_links",
        "external_identities",
        "apps",
        "memberships",
        "logs",
        "crashes",
        "occurrences",
        "jobs",
        "job_askers",
        "job_plans",
        "job_parts",
        "pulses",
        "turns",
        "crash_aliases",
        "crash_assignees",
        "crash_history",
        "crash_figures",
        "figure_recounts",
        "known_sessions",
        "session_batches",
        "session_days",
        "session_folds",
        "grouping_decisions",
        "regroupings",
        "app_settings",
        "erasures",
        "erased_crashes",
        "doomed_objects",
        "webhooks",
        "webhook_deliveries",
        "notification_channels",
        "data_exporters",
        "data_exporter_apps",
        "data_exporter_runs",
        "symbol_chunks",
        "symbol_ids",
        "unsubscriptions",
        "upload_keys",
        "saved_views",
        "declared_releases",
    } < TABLES


def test_an_empty_database_gets_every_table(database):
    assert not is_current(database)

    upgrade(database)

    assert tables_in(database) == TABLES
    assert is_current(database)


def test_migrations_make_what_the_models_say(database):
    upgrade(database)

    assert differences(database) == []


def test_partial_indexes_keep_their_condition(database):
    upgrade(database)

    found = {
        index["name"]: str(index["dialect_options"].get(f"{database.engine.dialect.name}_where"))
        for table in ("jobs", "logs", "occurrences")
        for index in inspect(database.engine).get_indexes(table)
    }
    for name, state in (
        ("uq_jobs_live_key", "running"),
        ("ix_jobs_turns", "queued"),
        ("ix_logs_waiting", "received"),
        ("ix_occurrences_grouped_as", "grouped_as"),
    ):
        assert state in found[name]


def test_upgrading_again_changes_nothing(database):
    upgrade(database)
    upgrade(database)

    assert tables_in(database) == TABLES


def test_there_is_exactly_one_head():
    [head] = ScriptDirectory.from_config(alembic_config()).get_heads()

    assert head


def test_the_schema_can_be_taken_back_and_made_again(database):
    upgrade(database)
    config = alembic_config()

    with database.engine.execution_options(crashq_writes=True).connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        connection.commit()
    assert tables_in(database) == {"alembic_version"}
    assert not is_current(database)

    upgrade(database)
    assert differences(database) == []


def test_releases_that_start_at_once_wait_for_each_other(bare_url, database):
    program = (
        "import sys; from app.db import open_database; from app.operations.schema import upgrade; "
        "upgrade(open_database(sys.argv[1]))"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}

    releases = [
        subprocess.Popen([sys.executable, "-c", program, bare_url], stderr=subprocess.PIPE, text=True, env=environ)
        for _ in range(3)
    ]
    complaints = [release.communicate(timeout=300)[1] for release in releases]

    assert [release.returncode for release in releases] == [0, 0, 0], complaints
    assert tables_in(database) == TABLES


def test_nobody_can_step_in_between_two_migrations(database):
    commits = []
    event.listen(database.engine, "commit", commits.append)

    upgrade(database)

    assert len(commits) == 1


def test_a_migration_that_fails_takes_those_before_it_back(database, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no room")

    with monkeypatch.context() as during:
        during.setattr(Operations, "add_column", fail)  # a later migration is the first to add one
        with pytest.raises(RuntimeError, match="no room"):
            upgrade(database)
    assert tables_in(database) == set()

    upgrade(database)
    assert differences(database) == []


def test_a_release_waits_longer_for_anothers_migrations_than_a_statement_for_a_lock(bare_url, monkeypatch):
    monkeypatch.setattr("app.operations.schema.LOCK_WAIT", 0.1)
    impatient = open_database(bare_url)
    with impatient.engine.execution_options(crashq_writes=True).connect() as other:
        if impatient.is_postgresql:
            other.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_KEY})")
        else:
            other.exec_driver_sql("CREATE TABLE being_migrated (id INTEGER)")
        release = Thread(target=upgrade, args=(impatient,))
        release.start()
        release.join(1.0)
        was_waiting = release.is_alive()
        other.rollback()
    release.join(300)

    assert was_waiting
    assert is_current(impatient)
    impatient.close()


def test_alembics_own_command_line_works_on_the_database_of_the_environment(bare_url, database, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", bare_url)

    command.upgrade(alembic_config(), "head")
    command.check(alembic_config())

    assert is_current(database)


def migrate(database: Database, act: Callable[[Config], None]) -> None:
    """Up or down, as one transaction."""
    config = alembic_config()
    with database.engine.execution_options(crashq_writes=True).connect() as connection:
        config.attributes["connection"] = connection
        act(config)
        connection.commit()


def test_occurrences_survive_the_migration_of_their_row_ids_which_are_not_given_again(database, clock):
    upgrade(database)
    services = Services(CONFIG, database, open_storage("memory://"), MemoryBroker(), clock)
    crash = make_crash(services, make_member(services).app, occurrences=3)
    with database.write() as session:
        before = session.execute(select(*Occurrence.__table__.c).order_by(Occurrence.id)).all()
    migrate(database, lambda config: command.downgrade(config, "0017"))
    upgrade(database)
    with database.write() as session:
        after = session.execute(select(*Occurrence.__table__.c).order_by(Occurrence.id)).all()
        session.execute(delete(Occurrence).where(Occurrence.id == after[-1].id))
        next_one = add_occurrence(session, session.get_one(Crash, crash.id), NOON, 9).id

    assert before == after
    assert next_one == after[-1].id + 1
