"""`crashq remote releases`."""

from itertools import islice

import click

from app.cli.remote import remote
from app.cli.remote.command import Remote, remote_command
from app.cli.remote.reading import LIMIT, SINCE, UNTIL

COLUMNS = (
    "version", "adoption_7_days", "crash_free_sessions", "crash_free_users", "sessions", "occurrences", "users",
    "new_crashes", "regressed_crashes", "first_seen", "last_seen",
)  # fmt: skip


@remote_command(remote, "releases")
@click.argument("app")
@SINCE
@UNTIL
@click.option("--environment", metavar="NAME", help="Only figures of this one.")
@LIMIT
def releases(
    session: Remote, app: str, since: str | None, until: str | None, environment: str | None, limit: int | None
) -> None:
    """The releases of APP, newest first: version, adoption, crash-free sessions and users, and more figures."""
    found = session.client().releases(app, since=since, until=until, environment=environment)
    session.teller.rows(islice(found, limit), COLUMNS)
