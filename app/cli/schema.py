"""`crashq db upgrade`."""

from pathlib import Path

import click

from app.cli import DATA_DIR, main
from app.config import Config, embedded_environment
from app.schema import upgrade
from app.services import open_services


@main.group()
def db() -> None:
    """The database."""


@db.command("upgrade")
@DATA_DIR
def upgrade_schema(data_dir: Path) -> None:
    """Bring the tables up to this release; safe to run again and by several at once."""
    services = open_services(Config.from_env(embedded_environment(data_dir), needs_broker=False))
    try:
        upgrade(services.db)
    finally:
        services.close()
    click.echo("database is up to date")
