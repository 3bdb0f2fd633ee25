"""Alembic's entry: runs migrations on the database that DATABASE_URL or the caller names."""

import os

from alembic import context
from sqlalchemy import Connection

from app.db import Base, open_database, tables  # noqa: F401  the tables register themselves


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    _migrate(given)
else:
    database = open_database(os.environ["DATABASE_URL"])
    with database.engine.execution_options(crashq_writes=True).connect() as connection:
        connection.begin()  # one transaction, on SQLite too
        _migrate(connection)
        connection.commit()
    database.close()
