"""Which schema the database has, without Alembic, which takes as long to import as all that a command needs otherwise."""

from contextlib import closing, suppress
from pathlib import Path

from app.db import Database, open_database
from app.db.opening import schema_version
from app.errors import ConfigError, TransientError

MIGRATIONS = Path(__file__).parents[1] / "migrations"


def is_current(database: Database) -> bool:
    """True when the database has every migration of this release, or is a later release's. Raises TransientError."""
    return _lacking(database) is None


def require_current(database: Database) -> None:
    """Raise ConfigError, with the command to run, when the database lacks a migration. Raises TransientError."""
    if lacking := _lacking(database):
        raise ConfigError(f"{lacking}: run `crashq db upgrade` first")


def require_current_schema(url: str) -> None:
    """The same of a database that is not open. Nothing is said of one that does not answer: the service waits for that."""
    with closing(open_database(url)) as database, suppress(TransientError):
        require_current(database)


def _lacking(database: Database) -> str | None:
    with database.connection() as connection:
        found = schema_version(connection)
    if found is None:
        return "The database lacks the tables of crashq"
    known = sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    if found in known[:-1]:
        return f"The database has schema {found}, and this release needs {known[-1]}"
    return None
