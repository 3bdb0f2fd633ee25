"""`crashq log add` and `crashq regroup`: stores crash logs from files and archives, and groups stored ones anew."""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli import DATA_DIR, main
from app.cli.arguments import counted, files_under
from app.cli.opening import opened
from app.cli.recounting import recount_figures
from app.db.hot.upload import find_known
from app.db.models.app import App, apps_after
from app.db.models.log import LogStatus
from app.db.models.regrouping import Regrouping, find_regrouping
from app.errors import AppError
from app.identity import accounts
from app.ingest.log_id import log_id_of_file
from app.ingest.receive import receive
from app.ingest.regrouping import begin_regrouping, regroup_app
from app.ingest.status import log_state
from app.services import Services

LOOK_EVERY = 0.2  # seconds between looks while waiting for the digestion
MAX_REASONS = 10  # in the summary; each file has a line of its own as well
SOME_NOT, INTERRUPTED = 1, 130  # exit codes
PROGRESS_EVERY = 0.5  # seconds between looks at the progress
WORK_FOR = 1.0  # seconds that this command works itself between looks, when no service does
APPS_PER_PAGE = 100


@dataclass
class Tally:
    """What became of the files."""

    added: int = 0
    known: int = 0
    rejected: int = 0
    failed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    waited_for: list[tuple[Path, str, bool]] = field(default_factory=list)  # (file, log id, is known), with --wait


@main.group()
def log() -> None:
    """Uploaded crash logs."""


@log.command("add")
@click.option("--app", "app_identifier", required=True, metavar="APP", help="Identifier of the app.")
@click.option("--wait", default=0, metavar="SECONDS", help="Wait that long for the logs to be digested, and tell how.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@DATA_DIR
def add_logs(app_identifier: str, wait: int, paths: tuple[Path, ...], data_dir: Path) -> None:
    """Add crash logs from PATHS: files, .zip and .tar.gz archives, and folders with all that is below them.

    A log is named after its file and its bytes, so the same file again changes nothing: after Ctrl-C the same command goes
    on with what is not there yet. Exit code 0: all there; 1: some not added or rejected; 130: interrupted.
    """
    tally = Tally()
    with opened(data_dir) as services:
        target = accounts.app_for_operator(services, app_identifier)
        try:
            _add_all(services, target, paths, tally, keep=wait > 0)
            _tell_outcomes(services, target, tally, time.monotonic() + wait)
        except KeyboardInterrupt:
            click.echo("Interrupted: the same command again goes on with what is not there yet", err=True)
            _sum_up(tally)
            raise click.exceptions.Exit(INTERRUPTED) from None
        if tally.added and not services.broker.check():
            click.echo("No service is running on this folder; the logs are digested when `crashq up` runs", err=True)
    _sum_up(tally)
    if tally.failed or tally.rejected:
        raise click.exceptions.Exit(SOME_NOT)


def _add_all(services: Services, target: App, paths: tuple[Path, ...], tally: Tally, *, keep: bool) -> None:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    shown = Progress(
        *columns,
        console=console,
        disable=not console.is_terminal,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),  # else what is piped on would go to the terminal
    )
    with shown as progress:
        total = sum(1 for _ in files_under(paths)) if console.is_terminal else None
        for path in progress.track(files_under(paths), total, description="Adding"):
            _add(services, target, path, tally, keep=keep)


def _add(services: Services, target: App, path: Path, tally: Tally, *, keep: bool) -> None:
    """Add one file and tell it, unless its outcome is waited for."""
    try:
        if path.stat().st_size > services.config.max_log_bytes:
            raise AppError(f"larger than {services.config.max_log_bytes} bytes")
        content = path.read_bytes()
        log_id = log_id_of_file(path.stem, content)
        is_known = find_known(services.db, target.id, log_id) is not None
        receive(services, target, log_id, content)
    except (AppError, OSError) as error:
        reason = error.message if isinstance(error, AppError) else error.strerror or "it cannot be read"
        tally.failed += 1
        tally.reasons[reason] += 1
        click.echo(f"{path}: not added: {reason}", err=True)
        return
    tally.known += is_known
    tally.added += not is_known
    if keep:
        tally.waited_for.append((path, log_id, is_known))
    else:
        click.echo(f"{path}: {'already there' if is_known else 'received'} as {log_id}")


def _tell_outcomes(services: Services, target: App, tally: Tally, deadline: float) -> None:
    for path, log_id, is_known in tally.waited_for:
        state = log_state(services, target, log_id)
        while state.log.status == LogStatus.RECEIVED and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY)
            state = log_state(services, target, log_id)
        reason = state.log.error_message
        if state.log.status == LogStatus.REJECTED:
            tally.rejected += 1
            tally.known -= is_known
            tally.added -= not is_known
            tally.reasons[reason or "no reason given"] += 1
        elif state.log.format:
            unread = f"; not read: {reason}" if reason else ""
            reason = f"{counted(len(state.occurrences), 'occurrence')}, {state.log.format}{unread}"
        click.echo(f"{path}: {state.log.status.value}: {reason or 'still waiting'}")


def _sum_up(tally: Tally) -> None:
    parts = {"already there": tally.known, "rejected": tally.rejected, "not added": tally.failed}
    told = [f"{tally.added} added", *(f"{count} {what}" for what, count in parts.items() if count)]
    click.echo(", ".join(told), err=True)
    for reason, count in tally.reasons.most_common(MAX_REASONS):
        click.echo(f"  {count} × {reason}", err=True)


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
    summary = f"{row.done} logs, {row.moved} occurrences moved, {row.unreadable} unreadable" if row else "ended"
    click.echo(f"{app.identifier}: {summary}")


def _is_through(row: Regrouping) -> bool:
    return row.finished_at is not None
