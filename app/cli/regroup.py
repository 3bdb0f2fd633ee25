"""`crashq regroup`: groups stored logs anew; with `--figures` it counts the figures of crashes anew."""

import time
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from app.background import figures
from app.cli import DATA_DIR, main
from app.cli.arguments import counted
from app.cli.opening import opened
from app.db.models.app import App, apps_after
from app.db.models.regrouping import Regrouping, find_regrouping
from app.identity import accounts
from app.ingest.regrouping import begin_regrouping, regroup_app
from app.services import Services

PROGRESS_EVERY = 0.5  # seconds between looks at the progress
WORK_FOR = 1.0  # seconds that this command works itself between looks, when no service does
APPS_PER_PAGE = 100

LOOK_EVERY = 0.5  # seconds between looks while a service counts


@main.command()
@click.option("--app", "app_identifier", metavar="APP", help="Only the logs of this app; all apps otherwise.")
@click.option("--no-wait", is_flag=True, help="Begin, and leave the rest to the running service.")
@click.option("--anew", is_flag=True, help="From the first log on, also where it has been begun under the same rules.")
@click.option("--figures", is_flag=True, help="Only count the figures of crashes anew; no log is read.")
@DATA_DIR
def regroup(app_identifier: str | None, no_wait: bool, anew: bool, figures: bool, data_dir: Path) -> None:
    """Group all stored logs anew, beside a running service or without one.

    Old identifiers of crashes stay valid. Ctrl-C leaves the work to the service; the command again goes on where it stands.
    """
    console = Console(stderr=True)
    with opened(data_dir) as services:
        is_alone = not services.broker.check()
        if no_wait and is_alone:
            click.echo("No service is running on this folder; the logs are regrouped when `crashq up` runs", err=True)
        for app in _apps(services, app_identifier):
            if figures:
                recount_figures(services, app, is_alone=is_alone, waits=not no_wait)
                continue
            row_id = begin_regrouping(services, app.id, anew=anew)
            if no_wait:
                click.echo(f"{app.identifier}: begun")
            else:
                _follow(services, console, app, row_id, is_alone=is_alone)


def _apps(services: Services, app_identifier: str | None) -> Iterator[App]:
    if app_identifier:
        yield accounts.app_for_operator(services, app_identifier)
        return
    after = 0
    while True:
        with services.db.read() as session:
            page = apps_after(session, after, APPS_PER_PAGE)
        yield from page
        if len(page) < APPS_PER_PAGE:
            return
        after = page[-1].id


def _follow(services: Services, console: Console, app: App, row_id: int, *, is_alone: bool) -> None:
    """Show how far it is until all logs are looked at; work along when nobody else does."""
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        shown = bar.add_task(f"Regrouping {app.identifier}", total=None)
        while True:
            with services.db.read() as session:
                row = find_regrouping(session, row_id)
            if row is None or _is_through(row):
                break
            bar.update(shown, completed=row.done, total=max(row.total, row.done))
            if not (is_alone and regroup_app(services, row_id, WORK_FOR)):
                time.sleep(PROGRESS_EVERY)
    summary = "ended"
    if row:
        moved = counted(row.moved, "occurrence")
        summary = f"{counted(row.done, 'log')}, {moved} moved, {row.unreadable} unreadable"
    click.echo(f"{app.identifier}: {summary}")


def _is_through(row: Regrouping) -> bool:
    return row.finished_at is not None


def recount_figures(services: Services, app: App, *, is_alone: bool, waits: bool) -> None:
    """Let no figures of the app answer until they are counted; count them here when no service does, or wait for it."""
    crashes = figures.distrust(services, app.id)
    figures.begin_recount_of(services, app.id)
    if not waits:
        click.echo(f"{app.identifier}: begun")
        return
    while figures.count_missing(services, app.id):
        if not (is_alone and figures.recount(services, app.id)):
            time.sleep(LOOK_EVERY)
    click.echo(f"{app.identifier}: figures of {crashes} {'crash' if crashes == 1 else 'crashes'} counted")
