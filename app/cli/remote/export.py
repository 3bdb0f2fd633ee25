"""`crashq remote export`: the report of one occurrence as a file."""

from datetime import UTC, datetime
from pathlib import Path

import click

from app.cli.remote import remote
from app.cli.remote.command import Remote, progress_of, remote_command
from app.cli.remote.teller import size
from app.client.download import safe_name

GO_ON = "What has come so far is kept in a .part file: the same command goes on"


@remote_command(remote, "export")
@click.argument("crash")
@click.argument("occurrence", required=False)
@click.option(
    "--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="UTC day of the occurrence; spares reading the list."
)
@click.option("--format", "report_format", default="json", show_default=True, help="json, txt, html or zip.")
@click.option(
    "--into", default=Path(), type=click.Path(path_type=Path), help="Folder, or file to write. [default: this folder]"
)
def export(
    session: Remote, crash: str, occurrence: str | None, day: datetime | None, report_format: str, into: Path
) -> None:
    """Download the report of OCCURRENCE of CRASH; without one, of the newest."""
    client = session.client()
    session.go_on = GO_ON
    chosen = client.find_occurrence(crash, occurrence, day.replace(tzinfo=UTC).date() if day else None)
    with session.teller.bar("Making the report") as bar:
        file = client.report_file(crash, chosen, report_format, progress_of(bar))
    target = into / safe_name(file.filename) if into.is_dir() else into
    with session.teller.bar(target.name) as bar:
        client.download(
            file,
            target,
            lambda: client.report_file(crash, chosen, report_format),
            lambda done, total: bar.update(done, total, f"{size(done)} of {size(total)}"),
        )
    report = {"path": str(target), "occurrence": chosen.id, "content_type": file.content_type}
    session.teller.value({**report, "size": file.size, "sha256": file.sha256}, [str(target)])
