"""`crashq db upgrade`."""

from pathlib import Path

import click

from app.cli import DATA_DIR, main
from app.config import Config, embedded_environment
from app.operations.schema import upgrade
from app.services import open_services, set_up_storage


@main.group()
def db() -> None:
    """The database."""


@db.command("upgrade")
@click.option("--new-store", is_flag=True, help="Begin with an empty store, although the database knows logs.")
@DATA_DIR
def upgrade_schema(new_store: bool, data_dir: Path) -> None:
    """Bring the tables up to this release, and set up the store; safe to run again and by several at once."""
    services = open_services(Config.from_env(embedded_environment(data_dir), needs_broker=False))
    try:
        upgrade(services.db)
        click.echo("database is up to date")
        set_up_storage(services, anew=new_store)
    finally:
        services.close()
