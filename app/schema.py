"""Brings the database's schema up to date."""

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from app.db import Database

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_KEY = 0x63726173  # "cras": the advisory lock that lets one of several starting releases migrate at a time


def upgrade(database: Database) -> None:
    """Run every migration that the database lacks; two at once wait for each other."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with database.engine.execution_options(crashq_writes=True).connect() as connection:
        if database.is_postgresql:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_KEY})")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


def is_current(database: Database) -> bool:
    """True when the database has every migration of this release."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    heads = set(ScriptDirectory.from_config(config).get_heads())
    with database.engine.connect() as connection:
        return heads <= set(MigrationContext.configure(connection).get_current_heads())
