"""Each migration runs beside the previous release: what that one reads and writes goes on working (both databases)."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import BigInteger, Boolean, Connection, Date, DateTime, Integer, LargeBinary, MetaData, Table, select

from app.db import Base, open_database, tables
from app.operations.schema import upgrade
from app.operations.schema_version import MIGRATIONS
from tests.servers import new_database

WORDS = {"state": "queued", "status": "received"}  # columns whose text is one of a few words
OWN = "alembic_version"


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    return made


STEPS = [
    (script.down_revision, script.revision)
    for script in reversed(list(ScriptDirectory.from_config(config()).walk_revisions()))
    if script.down_revision
]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    if request.param == "postgresql":
        url = str(request.getfixturevalue("bare_postgres_database"))
    else:
        url = f"sqlite:///{tmp_path / 'bare.db'}"
    opened = open_database(url)
    yield opened
    opened.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def empty_at(request, tmp_path_factory) -> Iterator[Callable[[str], str]]:
    """Makes a database without rows, migrated to a revision; gives its URL. Each migration runs once, if asked in their order."""
    folder = tmp_path_factory.mktemp("revisions")
    with ExitStack() as made:
        if request.param == "sqlite":
            server, known = "", f"sqlite:///{folder}/known.db"
        else:
            server = str(request.getfixturevalue("postgres_url"))
            known = made.enter_context(new_database(server))

        def copy(revision: str) -> str:
            database = open_database(known)
            migrate(database, revision)
            database.close()
            if not server:
                return f"sqlite:///{shutil.copy(folder / 'known.db', folder / f'{revision}.db')}"
            return made.enter_context(new_database(server, known.rpartition("/")[2]))

        yield copy


def migrate(database: Any, revision: str) -> None:
    with database.engine.execution_options(crashq_writes=True).connect() as connection:
        made = config()
        made.attributes["connection"] = connection
        command.upgrade(made, revision)
        connection.commit()


def value(column: Any, number: int) -> Any:
    """Something that the column takes, another one for each number."""
    if column.name in WORDS:
        return WORDS[column.name]
    if isinstance(column.type, DateTime) or "DATETIME" in str(column.type).upper():
        return datetime(2018, 9, 13, tzinfo=UTC) if column.type.timezone else datetime(2018, 9, 13)  # noqa: DTZ001
    if isinstance(column.type, Date):
        return date(2018, 9, 13) + timedelta(days=number)
    if isinstance(column.type, LargeBinary):
        return f"{number:024d}".encode()
    if isinstance(column.type, Boolean):
        return True
    if isinstance(column.type, Integer | BigInteger):
        return number
    return f"{number:024d}"[: getattr(column.type, "length", None) or 24]


def add_a_row_to_each(connection: Connection, tables: list[Table], number: int) -> None:
    """As the release that knows these tables would: it names the columns it knows and no other."""
    for table in tables:
        row = {}
        for column in table.columns:
            if column.foreign_keys:
                row[column.name] = (
                    connection.execute(select(next(iter(column.foreign_keys)).column)).scalars().all()[-1]
                )
            else:
                row[column.name] = value(column, number)
        connection.execute(table.insert().values(row))


@pytest.mark.parametrize(("before", "after"), STEPS)
def test_the_previous_release_reads_writes_and_deletes_after_the_migration_as_before(empty_at, before, after):
    database = open_database(empty_at(before))
    known = MetaData()
    known.reflect(database.engine)
    old = [table for table in known.sorted_tables if table.name != OWN]
    with database.engine.begin() as connection:
        add_a_row_to_each(connection, old, 1)

    migrate(database, after)

    with database.engine.begin() as connection:
        add_a_row_to_each(connection, old, 2)
        for table in old:
            rows = connection.execute(select(table)).mappings().all()
            assert len(rows) == 2
            changed = {name: rows[0][name] for name in table.columns.keys() if name not in table.primary_key.columns}  # noqa: SIM118
            if changed:
                first = [column == rows[0][column.name] for column in table.primary_key.columns]
                assert connection.execute(table.update().where(*first).values(changed)).rowcount == 1
        for table in reversed(old):
            assert connection.execute(table.delete()).rowcount == 2
    database.close()


def test_rows_of_the_first_release_are_rows_of_this_one(database):
    migrate(database, "0001")
    known = MetaData()
    known.reflect(database.engine)
    with database.engine.begin() as connection:
        add_a_row_to_each(connection, [table for table in known.sorted_tables if table.name != OWN], 1)

    upgrade(database)

    assert len(Base.registry.mappers) >= len(tables.MODULES)
    with database.read() as session:
        for mapper in Base.registry.mappers:
            rows = 1 if mapper.local_table.name in known.tables else 0  # a table that came later is empty
            assert len(session.scalars(select(mapper.class_)).all()) == rows
