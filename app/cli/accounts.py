"""`crashq user`, `crashq app` and `crashq erase`."""

import itertools
import sys
import time
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from app.cli import DATA_DIR, main
from app.cli.arguments import counted, read_password
from app.cli.opening import opened
from app.db.models.erasure import ErasureState
from app.db.models.membership import Role
from app.identity import accounts, apps, keys, members, passwords, users
from app.privacy.erasing import begin_erasure, run_erasure, show_erasure

LISTED = 500  # rows at a time
LOOK_EVERY = 0.2  # seconds, while a worker of the running service is at it


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


@user.command("list")
@DATA_DIR
def list_users(data_dir: Path) -> None:
    """List all users by e-mail: e-mail, day they were added, and `disabled`."""
    with opened(data_dir) as services:
        for page in itertools.count():
            rows = users.list_users(services, LISTED, page * LISTED)
            for one in rows:
                click.echo(f"{one.email}  {one.created_at:%Y-%m-%d}{'  disabled' if one.disabled_at else ''}")
            if len(rows) < LISTED:
                return


@user.command("password")
@click.argument("email")
@click.option("--link", "as_link", is_flag=True, help="Print a link by which the user chooses it within a day.")
@DATA_DIR
def set_password(email: str, as_link: bool, data_dir: Path) -> None:
    """Give EMAIL a new password, from a prompt or one line of standard input; all their logins end."""
    password = "" if as_link else read_password(confirm=True)
    with opened(data_dir) as services:
        if not as_link:
            passwords.set_by_operator(services, email, password)
            click.echo(f"password set: {email}")
            return
        base = services.config.public_url or f"http://localhost:{services.config.port}"
        click.echo(f"{base}/password/{passwords.begin_reset(services, email)}")


@user.command("disable")
@click.argument("email")
@DATA_DIR
def disable_user(email: str, data_dir: Path) -> None:
    """Let EMAIL log in no more; logins and keys end at once, memberships stay."""
    with opened(data_dir) as services:
        users.disable(services, email)
    click.echo(f"user disabled: {email}")


@user.command("enable")
@click.argument("email")
@DATA_DIR
def enable_user(email: str, data_dir: Path) -> None:
    """Let EMAIL log in again."""
    with opened(data_dir) as services:
        users.enable(services, email)
    click.echo(f"user enabled: {email}")


@user.command("unlink")
@click.argument("email")
@DATA_DIR
def unlink_user(email: str, data_dir: Path) -> None:
    """Forget which person of the OpenID provider EMAIL is: the next sign-in with this e-mail decides anew."""
    with opened(data_dir) as services:
        users.unlink(services, email)
    click.echo(f"user unlinked: {email}")


@user.command("remove")
@click.argument("email")
@DATA_DIR
def remove_user(email: str, data_dir: Path) -> None:
    """Delete the user EMAIL with logins, keys, memberships and data exporters."""
    with opened(data_dir) as services:
        users.remove(services, email)
    click.echo(f"user removed: {email}")


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


@app.command("member")
@click.argument("app_identifier", metavar="APP")
@click.argument("email")
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.MEMBER.value, show_default=True)
@DATA_DIR
def set_member(app_identifier: str, email: str, role: str, data_dir: Path) -> None:
    """Make EMAIL a member of APP in that role, or give a member that role."""
    with opened(data_dir) as services:
        found = accounts.app_for_operator(services, app_identifier)
        made = members.put(services, found, email, Role(role))
    click.echo(f"member: {made.email} is {made.role.value} of {app_identifier}")


@app.command("list")
@DATA_DIR
def list_apps(data_dir: Path) -> None:
    """List all apps by name: identifier, day they were made, name."""
    with opened(data_dir) as services:
        for page in itertools.count():
            rows = apps.all_apps(services, LISTED, page * LISTED)
            for one in rows:
                click.echo(f"{one.identifier}  {one.created_at:%Y-%m-%d}  {one.name}")
            if len(rows) < LISTED:
                return


@app.command("rename")
@click.argument("app_identifier", metavar="APP")
@click.argument("name")
@DATA_DIR
def rename_app(app_identifier: str, name: str, data_dir: Path) -> None:
    """Give APP another NAME."""
    with opened(data_dir) as services:
        renamed = apps.rename(services, accounts.app_for_operator(services, app_identifier), apps.AppNamed(name=name))
    click.echo(f"renamed: {renamed.identifier} is {renamed.name}")


@app.command("remove")
@click.argument("app_identifier", metavar="APP")
@click.option("--yes", is_flag=True, help="Do not ask for the name of the app.")
@DATA_DIR
def remove_app(app_identifier: str, yes: bool, data_dir: Path) -> None:
    """Remove APP for everybody at once; workers remove its crashes, logs, symbols and results in the background."""
    with opened(data_dir) as services:
        app = accounts.app_for_operator(services, app_identifier)
        typed = None if yes else click.prompt(f"Type the name of the app ({app.name}) to remove it", err=True)
        apps.remove(services, app, confirmed=typed)
    click.echo(f"removed: {app_identifier}")


@app.command("upload-key")
@click.argument("app_identifier", metavar="APP")
@click.option("--name", default="Build", help="What it is for, shown in lists.")
@DATA_DIR
def add_key(app_identifier: str, name: str, data_dir: Path) -> None:
    """Add a key with which builds send symbols of APP, and can do nothing else; prints it once."""
    with opened(data_dir) as services:
        app = accounts.app_for_operator(services, app_identifier)
        made, key = keys.add_upload_key(services, app, keys.NewUploadKey(name=name))
    click.echo(f"upload key: {key}")
    click.echo(f"key identifier: {made.identifier}")


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
    click.echo(
        f"erased: {counted(one.logs, 'log')}, {counted(one.occurrences, 'occurrence')}, {counted(one.jobs, 'result')} ({one.id})"
    )
