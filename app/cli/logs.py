"""`crashq log add`: stores crash logs from files and archives."""

import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli import DATA_DIR, main
from app.cli.arguments import counted, files_under
from app.cli.opening import opened
from app.db.hot.upload import find_known
from app.db.models.app import App
from app.db.models.log import LogStatus
from app.errors import AppError
from app.identity import accounts
from app.ingest.log_id import log_id_of_file
from app.ingest.receive import receive
from app.ingest.status import log_state
from app.services import Services

LOOK_EVERY = 0.2  # seconds between looks while waiting for the digestion
MAX_REASONS = 10  # in the summary; each file has a line of its own as well
SOME_NOT, INTERRUPTED = 1, 130  # exit codes


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
