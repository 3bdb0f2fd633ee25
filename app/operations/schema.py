"""Brings the database's schema up to date."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config as AlembicConfig

from app.db import Connection, Database
from app.db.engine import LOCK_WAIT
from app.operations.schema_version import MIGRATIONS

LOCK_KEY = 0x63726173  # "cras": the advisory lock that lets one of several starting releases migrate at a time
PATIENCE = 3_600  # seconds that a release waits for another one's migrations, which may build indexes of large tables


def upgrade(database: Database) -> None:
    """Run every migration that the database lacks, all or none; two at once wait for each other. Raises TransientError."""
    database.check()  # SQLite's error of a statement that is wrong is that of a file that cannot be opened: look before
    config = AlembicConfig()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with _writing(database) as connection, _patience(database, connection):
        if database.is_postgresql:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{PATIENCE}s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_KEY})")
            connection.exec_driver_sql(
                f"SET LOCAL lock_timeout = '{LOCK_WAIT}s'"
            )  # nobody waits behind a table's lock for long
        else:
            # One transaction, which takes the lock of the database: left to itself Alembic commits each migration on SQLite,
            # and another release could step in between two of them.
            connection.begin()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


@contextmanager
def _writing(database: Database) -> Iterator[Connection]:
    if database.is_postgresql:
        with database.connection(crashq_writes=True) as connection:
            yield connection
    else:
        with database.engine.execution_options(crashq_writes=True).connect() as connection:
            yield connection


@contextmanager
def _patience(database: Database, connection: Connection) -> Iterator[None]:
    """On SQLite, where the one lock of the database is what a release waits for."""
    if database.is_postgresql:
        yield
        return
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(f"PRAGMA busy_timeout={PATIENCE * 1000}").close()
    try:
        yield
    finally:
        driver.execute(f"PRAGMA busy_timeout={LOCK_WAIT * 1000}").close()
