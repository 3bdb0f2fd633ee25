"""`crashq symbols add`: debug information and mappings from files, without going over HTTP."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress, TaskID

from app.cli import DATA_DIR, main
from app.cli.opening import opened
from app.config import MIB
from app.db.models.app import App
from app.db.models.symbols import SymbolState
from app.errors import AppError
from app.identity import accounts
from app.services import Services
from app.symbolication.given_ids import give_id, ids_of
from app.symbolication.receive import BEST_CHUNK, add_chunk, begin_upload, finish_upload, receive_symbols
from app.symbolication.stored import show_symbols
from app.symbols.contents import About

CHUNK = 1024 * 1024  # bytes
LOOK_EVERY = 0.2  # seconds
IN_CHUNKS_ABOVE = 64 * MIB  # bytes; less is sent again when a command is interrupted
INTERRUPTED = 130  # exit code


@main.group()
def symbols() -> None:
    """Debug information and mappings, by which frames get their names."""


@symbols.command("add")
@click.option("--app", "app_identifier", required=True, metavar="APP", help="Identifier of the app.")
@click.option("--version", default="", help="Version of the app that a mapping belongs to.")
@click.option("--build", default="", help="Build of the app that a mapping belongs to.")
@click.option("--debug-id", default="", metavar="ID", help="Let FILES be found by this id too: a mapping's uuid.")
@click.option("--wait", default=0, metavar="SECONDS", help="Wait that long for a worker to look into them.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@DATA_DIR
def add_symbols(
    app_identifier: str, version: str, build: str, debug_id: str, wait: int, files: tuple[Path, ...], data_dir: Path
) -> None:
    """Add FILES: Mach-O, ELF, PE, Breakpad .sym, mapping.txt, .zip of these, and .dSYM folders.

    The same file again changes nothing: after Ctrl-C the same command goes on, within a large file too.
    """
    has_failed = False
    with opened(data_dir) as services:
        app = accounts.app_for_operator(services, app_identifier)
        deadline, added = time.monotonic() + wait, []
        try:
            for file in (one for path in files for one in _within(path)):
                try:
                    ids_of("", debug_id)  # a senseless one is refused before the file is sent
                    added.append((file, _add(services, app, file, About(file.name[-200:], version, build))))
                    if debug_id:
                        give_id(services, app, added[-1][1], debug_id)
                except (AppError, OSError) as error:
                    reason = error.message if isinstance(error, AppError) else error.strerror
                    click.echo(f"{file}: not added: {reason}", err=True)
                    has_failed = True
        except KeyboardInterrupt:
            click.echo("Interrupted: the same command again goes on with what is not there yet", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None
        for file, identifier in added:
            state = show_symbols(services, app, identifier).file
            while state.state == SymbolState.RECEIVED and time.monotonic() < deadline:
                time.sleep(LOOK_EVERY)
                state = show_symbols(services, app, identifier).file
            click.echo(f"{file}: {state.state.value} as {identifier}{f': {state.reason}' if state.reason else ''}")
            has_failed |= state.state == SymbolState.REJECTED
        if added and not services.broker.check():
            click.echo("No service is running on this folder; they are looked into when `crashq up` runs", err=True)
    if has_failed:
        raise click.exceptions.Exit(1)


def _within(path: Path) -> Iterator[Path]:
    """The file itself; of a .dSYM folder those that hold its debug information."""
    if path.is_dir():
        yield from sorted(one for one in path.glob("Contents/Resources/DWARF/*") if one.is_file())
    else:
        yield path


def _add(services: Services, app: App, file: Path, about: About) -> str:
    size = file.stat().st_size
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        if size > IN_CHUNKS_ABOVE:
            return _add_in_chunks(services, app, file, about, progress)
        task = progress.add_task(file.name, total=size)
        return receive_symbols(services, app, about, _read(file, 0, size, progress, task)).identifier


def _add_in_chunks(services: Services, app: App, file: Path, about: About, progress: Progress) -> str:
    """Go on where an interrupted command has ended, found by the hash of the file."""
    size = file.stat().st_size
    task = progress.add_task(f"{file.name}: hash", total=size)
    digest = hashlib.sha256()
    for chunk in _read(file, 0, size, progress, task):
        digest.update(chunk)
    begun = begin_upload(services, app, about, size, digest.hexdigest())
    if begun.file is not None:
        return begun.file.identifier
    upload = begun.upload
    assert upload is not None
    task = progress.add_task(file.name, total=size, completed=upload.received)
    while upload.received < size:
        ends = min(upload.received + BEST_CHUNK, size)
        sent = _read(file, upload.received, ends, progress, task)
        upload = add_chunk(services, app, upload.identifier, upload.received, sent)
    return finish_upload(services, app, upload.identifier).identifier


def _read(file: Path, begins: int, ends: int, progress: Progress, task: TaskID) -> Iterator[bytes]:
    with file.open("rb") as opened_file:
        opened_file.seek(begins)
        while chunk := opened_file.read(min(CHUNK, ends - opened_file.tell())):
            progress.advance(task, len(chunk))
            yield chunk
