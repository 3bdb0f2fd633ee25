"""`crashq user add` and `crashq app add`."""

from pathlib import Path

import click

from app.cli import DATA_DIR, main
from app.cli.opening import opened
from app.cli.password import read_password
from app.identity import accounts


@main.group()
def user() -> None:
    """People who may log in."""


@user.command("add")
@click.argument("email")
@DATA_DIR
def add_user(email: str, data_dir: Path) -> None:
    """Add a user. The password comes from a prompt, or as one line of standard input."""
    password = read_password(confirm=True)
    with opened(data_dir) as services:
        accounts.create_user(services, email, password)
    click.echo(f"user added: {email}")


@main.group()
def app() -> None:
    """Apps whose crashes are collected."""


@app.command("add")
@click.argument("name")
@click.option("--owner", required=True, metavar="EMAIL", help="The user who sees it first.")
@DATA_DIR
def add_app(name: str, owner: str, data_dir: Path) -> None:
    """Add an app; prints its identifier, and its ingest key and DSN, which members see again in its settings."""
    with opened(data_dir) as services:
        identifier, key = accounts.create_app_for(services, name, owner)
        dsn = accounts.dsn(services, identifier, key)
    click.echo(f"app identifier: {identifier}")
    click.echo(f"ingest key: {key}")
    click.echo(f"DSN: {dsn}")
