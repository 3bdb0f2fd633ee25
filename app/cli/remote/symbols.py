"""`crashq remote symbols`: files by which frames get their names, over HTTP."""

from pathlib import Path

import click

from app.cli.remote import remote
from app.cli.remote.command import Remote, remote_command


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
