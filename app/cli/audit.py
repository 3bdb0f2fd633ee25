"""`crashq audit`."""

from pathlib import Path

import click

from app import iso_time
from app.cli import DATA_DIR, main
from app.cli.opening import opened
from app.db.models.audit_entry import entries_of
from app.identity import accounts


@main.command("audit")
@click.option("--app", "app_identifier", metavar="APP", help="Identifier of an app; without it, all apps and users.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Entries to list.")
@DATA_DIR
def audit(app_identifier: str | None, limit: int, data_dir: Path) -> None:
    """List who changed settings, members, keys and users, newest first: time, who, action, subject."""
    with opened(data_dir) as services:
        app = accounts.app_for_operator(services, app_identifier) if app_identifier else None
        with services.db.read() as session:
            entries = entries_of(session, app.id if app else None, limit, 0)
        for shown in entries:
            one, who = shown.entry, shown.who or "-"
            click.echo(f"{iso_time.rfc3339(one.happened_at)}  {who}  {one.action}  {one.subject}")
