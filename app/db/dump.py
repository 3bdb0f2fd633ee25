"""The whole database as one file, of one snapshot, beside a running service; and back."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, inspect, make_url

from app.db.engine import Database
from app.db.opening import open_database
from app.errors import AppError

FILES = {"sqlite": "database.sqlite", "postgresql": "database.pgdump"}
"""Kind of database -> the name of its file; PostgreSQL's is in the custom format of pg_dump."""


class DumpFailed(AppError):
    """The database, or the program that speaks to it, refused."""

    code = "dump_failed"


def kind_of(url: str) -> str:
    """`sqlite` or `postgresql`."""
    return make_url(url).get_backend_name()


def dump(url: str, folder: Path) -> Path:
    """Write the database as one snapshot into a new file of the folder. Writers go on. Raises DumpFailed."""
    target = folder / FILES[kind_of(url)]
    target.touch(mode=0o600)
    parsed = make_url(url)
    if kind_of(url) == "sqlite":
        try:
            with (
                closing(
                    sqlite3.connect(f"{Path(str(parsed.database)).absolute().as_uri()}?mode=ro", uri=True)
                ) as source,
                closing(sqlite3.connect(target)) as copy,
            ):
                source.backup(copy, pages=-1)  # in one step, which sees one snapshot
        except sqlite3.Error as error:
            raise DumpFailed(f"The database could not be read: {error}") from error
        return target
    _run(["pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={target}"], parsed)
    return target


def load(url: str, folder: Path) -> None:
    """Fill an empty database from the file in the folder: all of it, or nothing. Raises DumpFailed."""
    source = folder / FILES[kind_of(url)]
    if not source.exists():
        raise DumpFailed(f"The backup is not one of {kind_of(url)}: {source.name} is missing")
    parsed = make_url(url)
    if kind_of(url) == "sqlite":
        assert parsed.database
        staged = Path(f"{parsed.database}.restored")
        shutil.copyfile(source, staged)
        staged.chmod(0o600)
        for suffix in ("", "-wal", "-shm"):
            Path(parsed.database + suffix).unlink(missing_ok=True)  # without tables: see is_empty
        staged.replace(parsed.database)
        return
    _run(
        ["pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", str(source)], parsed
    )


def is_empty(url: str) -> bool:
    """True when there is no table yet, nor perhaps the database's file. Raises TransientError."""
    path = make_url(url).database
    if kind_of(url) == "sqlite" and not Path(str(path)).exists():
        return True
    database = open_database(url)
    try:
        return not _tables(database)
    finally:
        database.close()


def _tables(database: Database) -> list[str]:
    with database.connection() as connection:
        return list(inspect(connection).get_table_names())


def _run(command: Iterable[str], url: URL) -> None:
    """Run one of PostgreSQL's programs; the password goes by its environment, which other users cannot see."""
    program, *arguments = command
    found = shutil.which(program)
    if found is None:
        raise DumpFailed(f"{program} is not installed; Debian's package postgresql-client has it")
    address = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    environ = os.environ | ({"PGPASSWORD": str(url.password)} if url.password else {})
    ended = subprocess.run(  # noqa: S603  our own command
        [found, *arguments, f"--dbname={address}"], env=environ, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise DumpFailed(f"{program} failed: {(ended.stderr.strip().splitlines() or ['no reason given'])[-1]}")
