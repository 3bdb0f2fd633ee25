"""`crashq log add`: crash logs from files, without going over HTTP."""

import time
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track

from app import accounts
from app.cli import DATA_DIR, main
from app.cli.opening import opened
from app.db.app import App
from app.db.log import LogStatus
from app.errors import AppError
from app.ingest.log_id import log_id_of_file
from app.ingest.receive import receive
from app.ingest.status import log_state
from app.services import Services

LOOK_EVERY = 0.2  # seconds between looks while waiting for the digestion


@main.group()
def log() -> None:
    """Uploaded crash logs."""


@log.command("add")
@click.option("--app", "app_identifier", required=True, metavar="APP", help="Identifier of the app.")
@click.option("--wait", default=0, metavar="SECONDS", help="Wait that long for the logs to be digested, and tell how.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@DATA_DIR
def add_logs(app_identifier: str, wait: int, files: tuple[Path, ...], data_dir: Path) -> None:
    """Add crash logs from FILES. The same file again changes nothing."""
    console = Console(stderr=True)
    failed = 0
    added: list[tuple[Path, str]] = []
    with opened(data_dir) as services:
        target = accounts.app_for_operator(services, app_identifier)
        for path in track(files, "Adding", console=console, disable=not console.is_terminal, transient=True):
            try:
                added.append((path, _add(services, target, path)))
            except (AppError, OSError) as error:
                failed += 1
                reason = error.message if isinstance(error, AppError) else error.strerror
                click.echo(f"{path}: not added: {reason}", err=True)
        if wait:
            _tell_outcomes(services, target, added, time.monotonic() + wait)
        else:
            for path, log_id in added:
                click.echo(f"{path}: received as {log_id}")
        if added and not services.broker.check():
            click.echo("No service is running on this folder; the logs are digested when `crashq up` runs", err=True)
    click.echo(f"{len(added)} added, {failed} not", err=True)
    if failed:
        raise click.exceptions.Exit(1)


def _add(services: Services, target: App, path: Path) -> str:
    if path.stat().st_size > services.config.max_log_bytes:
        raise AppError(f"larger than {services.config.max_log_bytes} bytes")
    content = path.read_bytes()
    return receive(services, target, log_id_of_file(path.stem, content), content)


def _tell_outcomes(services: Services, target: App, added: list[tuple[Path, str]], deadline: float) -> None:
    for path, log_id in added:
        state = log_state(services, target, log_id)
        while state.log.status == LogStatus.RECEIVED and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY)
            state = log_state(services, target, log_id)
        found = (
            f"{len(state.occurrences)} occurrences, {state.log.format}" if state.log.format else state.log.error_message
        )
        click.echo(f"{path}: {state.log.status.value}: {found or 'still waiting'}")
