"""`crashq remote apps`, `releases`, `crashes`, `crash` and `occurrences`."""

from itertools import chain, islice

import click

from app.cli.remote import remote
from app.cli.remote.command import Remote, progress_of, remote_command
from app.client.questions import set_only

SINCE = click.option("--since", metavar="DATE", help="First day (UTC) or time, ISO 8601.")
UNTIL = click.option("--until", metavar="DATE", help="Last day (UTC) or time, ISO 8601.")
LIMIT = click.option("--limit", type=click.IntRange(1), help="So many rows at most.")
LARGEST_PAGE, LARGEST_LIST = 1_000, 10_000  # rows asked for at a time; that a page of occurrences may have

COLUMNS = (
    "version", "adoption_7_days", "crash_free_sessions", "crash_free_users", "sessions", "occurrences", "users",
    "new_crashes", "regressed_crashes", "first_seen", "last_seen",
)  # fmt: skip


@remote_command(remote, "apps")
def apps(session: Remote) -> None:
    """Your apps: identifier, name."""
    session.teller.rows(session.client().apps(), ("identifier", "name"))


@remote_command(remote, "crashes")
@click.argument("app")
@SINCE
@UNTIL
@click.option("--search", metavar="WORDS", help="Words of titles and terms: cart version:2.4 env:production.")
@click.option("--state", type=click.Choice(["open", "resolved", "ignored"]), help="Only those in this state.")
@click.option("--sort", metavar="NAME", help="last_seen, first_seen, occurrences_count or users.")
@click.option("--order", type=click.Choice(["asc", "desc"]), help="Of --sort; from high to low unless given.")
@click.option(
    "--filter", "filters", multiple=True, metavar="NAME=VALUE", help="Another parameter of the server's list."
)
@LIMIT
def crashes(
    session: Remote,
    app: str,
    since: str | None,
    until: str | None,
    search: str | None,
    state: str | None,
    sort: str | None,
    order: str | None,
    filters: tuple[str, ...],
    limit: int | None,
) -> None:
    """The crashes of APP: identifier, occurrences, first and last seen, title."""
    pairs = [one.partition("=") for one in filters]
    if any(not sign or not name for name, sign, _ in pairs):
        raise click.UsageError("--filter is NAME=VALUE")
    found = session.client().crashes(
        app,
        since=since,
        until=until,
        sort=sort,
        filters={name: value for name, _, value in pairs}
        | set_only({"search": search, "state": state, "order": order}),
        per_page=min(limit, LARGEST_PAGE) if limit else None,
    )
    columns = ("identifier", "occurrences_count", "first_seen", "last_seen", "title")
    session.teller.rows(islice(found, limit), columns)


@remote_command(remote, "crash")
@click.argument("crash")
def crash(session: Remote, crash: str) -> None:
    """One crash: what it is, since when, how often, in which versions, its state and who looks after it."""
    found = session.client().crash(crash)
    lines = [
        found.title,
        f"identifier\t{found.identifier}",
        f"app\t{found.app_identifier}",
        f"occurrences\t{found.occurrences_count}",
        f"first seen\t{found.first_seen}",
        f"last seen\t{found.last_seen}",
        f"versions\t{', '.join(found.versions) or '-'}",
        f"state\t{found.state}{f', in {found.resolved_in}' if found.resolved_in else ''}",
        f"assignee\t{found.assignee or '-'}",
    ]
    if found.regressed_at:
        lines.append(f"came back\t{found.regressed_at}")
    session.teller.value(found, lines)


@remote_command(remote, "occurrences")
@click.argument("crash")
@SINCE
@UNTIL
@LIMIT
def occurrences(session: Remote, crash: str, since: str | None, until: str | None, limit: int | None) -> None:
    """The occurrences of CRASH, newest first: id, day (UTC), log. However many: they are passed on as they come."""
    client = session.client()
    with session.teller.bar("Listing") as bar:
        is_one_page = limit is not None and limit <= LARGEST_LIST
        rows = client.occurrences(
            crash, since=since, until=until, per_page=limit if is_one_page else None, on_progress=progress_of(bar)
        )
        first = list(islice(rows, 1))  # the list is made by then
    session.teller.rows(islice(chain(first, rows), limit), ("id", "date", "log_id"))


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
