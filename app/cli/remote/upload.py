"""`crashq remote upload` and `crashq remote symbols`: crash logs and files of symbols, sent over HTTP."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from app.cli.arguments import counted, files_under
from app.cli.remote import remote
from app.cli.remote.command import FAILED, Remote, remote_command
from app.client import Client, OutOfTime, Refused
from app.ingest.log_id import log_id_of_file

OF_ONE_FILE = (400, 409, 413, 415, 422)  # statuses that say nothing about the files after it
REJECTED, NOT_SENT = "rejected", "not sent"


@dataclass(frozen=True)
class UploadOutcome:
    """What became of one file."""

    file: str
    log_id: str | None
    status: str  # received, digested, rejected, or not sent
    error_message: str | None = None
    occurrences: list[str] | None = None  # identifiers of their crashes, once digested


@remote_command(remote, "upload")
@click.option("--app", required=True, metavar="APP", help="Identifier of the app.")
@click.option("--wait", is_flag=True, help="Wait until each log is digested, and tell what was found.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
def upload(session: Remote, app: str, wait: bool, paths: tuple[Path, ...]) -> None:
    """Send crash logs from PATHS: files, archives, folders with all below them.

    A log is named after its file and its bytes, so the same command again sends nothing twice. Exit code 1 when a file was
    not taken or is rejected. Uploading also works with an app's ingest key in CRASHQ_REMOTE_TOKEN, but for --wait.
    """
    client = session.client()
    session.go_on = "The same command again goes on: nothing is stored twice"
    outcomes = _sent(session, client, app, paths)
    has_failed = False
    if wait:
        outcomes = _awaited(client, app, list(outcomes))
    for outcome in outcomes:
        found = f", {counted(len(outcome.occurrences), 'occurrence')}" if outcome.occurrences is not None else ""
        why = f": {outcome.error_message}" if outcome.error_message else ""
        line = f"{outcome.file}\t{outcome.log_id or '-'}\t{outcome.status}{found}{why}"
        session.teller.value(asdict(outcome), [line])
        has_failed |= outcome.status in (REJECTED, NOT_SENT)
    if has_failed:
        raise click.exceptions.Exit(FAILED)


def _sent(session: Remote, client: Client, app: str, paths: tuple[Path, ...]) -> Iterator[UploadOutcome]:
    files = list(files_under(paths))
    with session.teller.bar("Sending") as bar:
        for number, path in enumerate(files, 1):
            try:
                content = path.read_bytes()
                received = client.upload(app, content, log_id_of_file(path.stem, content))
                yield UploadOutcome(str(path), received.log_id, received.status)
            except Refused as problem:
                if problem.status not in OF_ONE_FILE:
                    raise
                yield UploadOutcome(str(path), None, NOT_SENT, problem.error_message)
            except OSError as problem:
                yield UploadOutcome(str(path), None, NOT_SENT, problem.strerror or "it cannot be read")
            bar.update(number, len(files), f"{number} of {len(files)}")


def _awaited(client: Client, app: str, sent: list[UploadOutcome]) -> Iterator[UploadOutcome]:
    for outcome in sent:
        if outcome.log_id is None:
            yield outcome
            continue
        try:
            state = client.await_log(app, outcome.log_id)
        except OutOfTime:
            yield outcome
            continue
        found = [one.crash_identifier for one in state.occurrences]
        yield UploadOutcome(outcome.file, outcome.log_id, state.status, state.error_message, found)


@remote.group()
def symbols() -> None:
    """Debug information and mappings, by which frames get their names."""


@remote_command(symbols, "list")
@click.argument("app")
def list_symbols(session: Remote, app: str) -> None:
    """The files of APP, newest first: identifier, kind, state, name."""
    session.teller.rows(session.client().symbols(app), ("identifier", "kind", "state", "name"))


@remote_command(symbols, "add")
@click.option("--app", required=True, metavar="APP", help="Identifier of the app.")
@click.option("--version", default="", help="Version of the app that a mapping belongs to.")
@click.option("--build", default="", help="Build of the app that a mapping belongs to.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def add(session: Remote, app: str, version: str, build: str, files: tuple[Path, ...]) -> None:
    """Upload FILES; the same file again changes nothing."""
    client = session.client()
    session.teller.rows(
        (client.add_symbols(app, file, version, build) for file in files), ("identifier", "state", "name")
    )
