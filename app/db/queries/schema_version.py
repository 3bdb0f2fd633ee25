"""The schema that a database has."""

from sqlalchemy import Connection, inspect, text


def schema_version(connection: Connection) -> str | None:
    """The latest migration that was run, None when none was."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found
