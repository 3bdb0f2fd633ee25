"""`crashq erase`: removes all that came from one user of an app."""

import sys
import time
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from app.cli import DATA_DIR, main
from app.cli.opening import opened
from app.db.models.erasure import ErasureState
from app.identity import accounts
from app.privacy.erasing import begin_erasure, run_erasure, show_erasure

LOOK_EVERY = 0.2  # seconds, while a worker of the running service is at it


@main.command()
@click.option("--app", "app_identifier", required=True, metavar="APP", help="Identifier of the app.")
@click.option("--scan/--no-scan", default=None, help="Read every stored log for the id, or only what names the user.")
@click.argument("user_id")
@DATA_DIR
def erase(app_identifier: str, scan: bool | None, user_id: str, data_dir: Path) -> None:
    """Erase USER_ID, as the app's logs name the user, and wait for the end; `-` reads it from standard input.

    Interrupted, a running service or the same command goes on with it.
    """
    if user_id == "-":
        user_id = sys.stdin.readline().rstrip("\r\n")
    console = Console(stderr=True)
    with opened(data_dir) as services, Progress(console=console, disable=not console.is_terminal) as progress:
        app = accounts.app_for_operator(services, app_identifier)
        one = begin_erasure(services, app, user_id, scan=scan)
        bar = progress.add_task("Erasing", total=one.total or None)
        while one.state != ErasureState.FINISHED:
            run_erasure(services, one.id)
            one = show_erasure(services, app, one.id)
            progress.update(bar, completed=one.done, description=f"Erasing: {one.step or 'done'}")
            if one.state != ErasureState.FINISHED:
                time.sleep(LOOK_EVERY)
    click.echo(f"erased: {one.logs} logs, {one.occurrences} occurrences, {one.jobs} results ({one.id})")
