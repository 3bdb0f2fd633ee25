"""`crashq remote resolve`, `ignore`, `reopen`, `assign`, `comment` and `history`."""

import sys
from collections.abc import Mapping
from itertools import islice
from typing import Any

import click

from app.cli.remote import remote
from app.cli.remote.command import Remote, remote_command
from app.cli.remote.reading import LIMIT

CRASHES = click.argument("crashes", metavar="CRASH...", nargs=-1, required=True)


@remote_command(remote, "resolve")
@CRASHES
@click.option("--in", "version", metavar="VERSION", help="The version that has the fix, or next; else: fixed now.")
def resolve(session: Remote, crashes: tuple[str, ...], version: str | None) -> None:
    """Resolve crashes. One that comes back is open again."""
    _change(session, crashes, {"state": "resolved", "resolved_in": version})


@remote_command(remote, "ignore")
@CRASHES
@click.option("--until", metavar="DATE", help="Until this day (UTC) or time, ISO 8601.")
@click.option("--occurrences", type=click.IntRange(1), metavar="N", help="Until so many occurrences more.")
@click.option("--users", type=click.IntRange(1), metavar="N", help="Until so many users more.")
def ignore(
    session: Remote, crashes: tuple[str, ...], until: str | None, occurrences: int | None, users: int | None
) -> None:
    """Ignore crashes, for good unless an option says until when."""
    given = {"date": until, "occurrences": occurrences, "users": users}
    ends = {name: value for name, value in given.items() if value is not None}
    if len(ends) > 1:
        raise click.UsageError("Give one of --until, --occurrences and --users")
    _change(session, crashes, {"state": "ignored", "ignored_until": ends or None})


@remote_command(remote, "reopen")
@CRASHES
def reopen(session: Remote, crashes: tuple[str, ...]) -> None:
    """Open crashes again."""
    _change(session, crashes, {"state": "open"})


@remote_command(remote, "assign")
@CRASHES
@click.option("--to", "email", metavar="EMAIL", help="A member of the app; else: nobody.")
def assign(session: Remote, crashes: tuple[str, ...], email: str | None) -> None:
    """Assign crashes to a member."""
    _change(session, crashes, {"assignee": email})


@remote_command(remote, "comment")
@click.argument("crash")
@click.argument("text", required=False)
def comment(session: Remote, crash: str, text: str | None) -> None:
    """Comment on CRASH, with TEXT or with standard input; prints the id of the comment."""
    said = session.client().comment(crash, text if text is not None else sys.stdin.read())
    session.teller.value(said, [said.id])


@remote_command(remote, "history")
@click.argument("crash")
@LIMIT
def history(session: Remote, crash: str, limit: int | None) -> None:
    """What happened to CRASH, newest first: when, who, what, version, whom it was assigned to, comment."""
    columns = ("happened_at", "user", "action", "version", "assignee", "comment")
    session.teller.rows(islice(session.client().history(crash), limit), columns)


def _change(session: Remote, crashes: tuple[str, ...], change: Mapping[str, Any]) -> None:
    """One after the other; a line for each that is changed: identifier, state, assignee."""
    client = session.client()
    for identifier in crashes:
        session.teller.rows([client.change_crash(identifier, change)], ("identifier", "state", "assignee"))
