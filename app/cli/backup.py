"""`crashq backup`, `restore`, `doctor` and `db`: what operators run on a service's data."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress, TextColumn

from app.cli import DATA_DIR, main
from app.cli.opening import opened, opened_as_it_is
from app.config import MIB, SECRET_FILE, Config, embedded_environment
from app.operations import backup
from app.operations.doctor import examine
from app.operations.schema import upgrade
from app.operations.store_setup import set_up_storage
from app.services import open_services
from app.telemetry.canary import last_canary

FOLDER = click.Path(path_type=Path, file_okay=False)


@main.command("backup")
@click.argument("folder", type=FOLDER)
@click.option("--previous", type=FOLDER, help="An earlier backup: what it has already is linked, not copied.")
@DATA_DIR
def back_up(folder: Path, previous: Path | None, data_dir: Path) -> None:
    """Write database, store and secret into FOLDER, beside a running service or not. PostgreSQL needs pg_dump."""
    with opened(data_dir) as services, _progress_bar("Backing up") as progress:
        secret = data_dir / SECRET_FILE
        own = None if os.environ.get("SECRET_KEY") or not secret.exists() else secret
        done = backup.back_up(services, folder, secret=own, previous=previous, progress=progress)
    click.echo(f"backed up: the database and {done.objects} objects, {done.size / MIB:.1f} MiB, in {folder}")
    if own is None:
        click.echo("SECRET_KEY is not in it: keep it elsewhere, for without it webhooks have to be made anew")


@main.command("restore")
@click.argument("folder", type=FOLDER)
@DATA_DIR
def restore(folder: Path, data_dir: Path) -> None:
    """Bring the backup in FOLDER into an empty database and its store; nothing may run on them. PostgreSQL needs pg_restore."""
    _bring_secret(folder, data_dir)
    with opened_as_it_is(data_dir) as services:
        with _progress_bar("Restoring") as progress:
            done = backup.restore(services, folder, progress)
        found = sum(1 for _ in examine(services))
    click.echo(f"restored: the database and {done.objects} objects, {done.size / MIB:.1f} MiB")
    if found:
        click.echo(f"{found} rows or objects changed while the backup was made; see `crashq doctor`")


def _bring_secret(folder: Path, data_dir: Path) -> None:
    """The secret of an embedded service, unless there is one; a service with its own SECRET_KEY has none in the backup."""
    kept, wanted = folder / SECRET_FILE, data_dir / SECRET_FILE
    if kept.exists() and not wanted.exists() and not os.environ.get("SECRET_KEY"):
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(kept, wanted)
        wanted.chmod(0o600)


@contextmanager
def _progress_bar(what: str) -> Iterator[backup.Progress]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}: {task.fields[objects]} objects, {task.fields[mib]:.1f} MiB"),)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None, objects=0, mib=0.0)
        yield lambda objects, size: bar.update(task, objects=objects, mib=size / MIB)


@main.command()
@click.option("--mend", is_flag=True, help="Put right what is found; without it nothing is changed.")
@DATA_DIR
def doctor(mend: bool, data_dir: Path) -> None:
    """Compare database and storage, beside a running service or not. Exits 1 when something is found and not mended."""
    console = Console(stderr=True)
    found = 0
    with opened(data_dir) as services, console.status("Comparing database and storage…") as status:
        console.print(f"Last canary: {last_canary(services)}", highlight=False)
        for finding in examine(services):
            found += 1
            status.update(f"Comparing database and storage… {found} found")
            if mend:
                finding.mend()
            click.echo(
                f"{'mended' if mend else 'found'}: {finding.what}; {'' if mend else 'with --mend '}{finding.remedy}"
            )
    click.echo(f"{found} found{', all mended' if found and mend else ''}")
    if found and not mend:
        sys.exit(1)


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
