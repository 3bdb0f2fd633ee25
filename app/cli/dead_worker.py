"""`crashq worker-died`: frees what a killed worker held."""

from pathlib import Path

import click

from app.background import TYPES
from app.cli import DATA_DIR, main
from app.cli.opening import opened
from app.services import holders_of_start
from app.work.ending import take_from_dead


@main.command("worker-died")
@click.argument("name")
@DATA_DIR
def worker_died(name: str, data_dir: Path) -> None:
    """Give to other workers at once what `crashq worker --name NAME` of this host held. It has to be dead."""
    with opened(data_dir) as services:
        take_from_dead(services, TYPES.values(), holders_of_start(name))
