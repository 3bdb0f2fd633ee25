"""`crashq remote export` and `crashq remote batch`: reports and rows as files."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import click

from app.cli.arguments import counted
from app.cli.remote import remote
from app.cli.remote.command import Remote, progress_of, remote_command
from app.cli.remote.reading import LIMIT, SINCE, UNTIL
from app.cli.remote.teller import Bar, size
from app.client import BatchQuestion, Manifest
from app.client.download import safe_name

GO_ON = "What has come so far is kept in a .part file: the same command goes on"
_FACTS = ("app_version", "os_name", "os_version", "device_model", "user_id")


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


@remote.group()
def batch() -> None:
    """All occurrences of a crash or an app, in files."""


@remote_command(batch, "start")
@click.option("--crash", metavar="CRASH", help="Those of a crash.")
@click.option("--app", metavar="APP", help="Those of all crashes of an app.")
@click.option(
    "--format", "batch_format", default="ndjson", show_default=True, help="ndjson, csv, parquet or zip (reports)."
)
@click.option("--encoding", help="utf-8-sig: CSV files begin with a byte order mark, for spreadsheet programs.")
@SINCE
@UNTIL
@click.option("--app-version", multiple=True, help="Only of this version; may be given again, as those below.")
@click.option("--os-name", multiple=True)
@click.option("--os-version", multiple=True)
@click.option("--device-model", multiple=True)
@click.option("--user-id", multiple=True)
def start(
    session: Remote,
    crash: str | None,
    app: str | None,
    batch_format: str,
    encoding: str | None,
    since: str | None,
    until: str | None,
    **facts: tuple[str, ...],
) -> None:
    """Begin a batch, or join the one under way; prints the id of its job."""
    if (crash is None) == (app is None):
        raise click.UsageError("Give --crash or --app")
    wanted = BatchQuestion(batch_format, since, until, encoding=encoding, **facts)
    job_id = session.client().start_batch(wanted, crash=crash, app=app)
    session.teller.value({"job_id": job_id}, [job_id])


@remote_command(batch, "list")
@LIMIT
def list_batches(session: Remote, limit: int | None) -> None:
    """Your batches, newest first: job, kind, state, when it was asked for."""
    session.teller.rows(islice(session.client().batches(), limit), ("job_id", "kind", "state", "created_at"))


@remote_command(batch, "follow")
@click.argument("job")
def follow(session: Remote, job: str) -> None:
    """Wait for a batch; tells what it holds."""
    client = session.client()
    session.go_on = f"The batch goes on: crashq remote batch follow {job}"
    with session.teller.bar("Making the batch") as bar:
        manifest = client.follow_batch(job, progress_of(bar))
    _warn(session, manifest)
    session.teller.value(manifest, _lines(manifest))


@remote_command(batch, "download")
@click.argument("job")
@click.option("--into", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder for the files.")
def download(session: Remote, job: str, into: Path) -> None:
    """Wait for a batch and fetch its files, each checked by its SHA-256; those that are there already are kept."""
    client = session.client()
    session.go_on = f"What has come is kept: crashq remote batch download {job} --into {into}"
    with session.teller.bar("Making the batch") as bar:
        client.follow_batch(job, progress_of(bar))
    with session.teller.bar("Fetching") as bar:
        manifest, paths = client.download_batch(job, into, on_file=_file_progress(bar))
    _warn(session, manifest)
    paths_json = {"job_id": job, "manifest": str(paths[-1]), "files": [str(path) for path in paths[:-1]]}
    figures = {name: getattr(manifest, name) for name in ("rows", "unreadable", "missing", "complete")}
    session.teller.value({**paths_json, **figures}, [str(path) for path in paths])


def _file_progress(bar: Bar) -> Callable[[Path, int, int], Callable[[int, int], None]]:
    """The bar counts files; its text tells the bytes of the present one."""

    def on_file(path: Path, number: int, total: int) -> Callable[[int, int], None]:
        def on_bytes(done: int, whole: int) -> None:
            text = f"file {number} of {total}, {path.name}, {size(done)} of {size(whole)}"
            bar.update(number - (done < whole), total, text)

        return on_bytes

    return on_file


def _warn(session: Remote, manifest: Manifest) -> None:
    if manifest.missing:
        session.teller.warn(f"Not complete: {counted(manifest.missing, 'occurrence')} erased or aged meanwhile")
    if not manifest.complete and (manifest.unreadable or not manifest.missing):
        unread = f"{manifest.unreadable} of {counted(manifest.rows, 'occurrence')}"
        session.teller.warn(f"Not complete: the logs of {unread} are lost or cannot be read")


def _lacking(manifest: Manifest) -> str:
    missing = f", {manifest.missing} missing" if manifest.missing else ""
    return f"{manifest.unreadable} unreadable{missing}"


def _lines(manifest: Manifest) -> list[str]:
    return [
        f"rows\t{manifest.rows}",
        f"files\t{len(manifest.parts)}",
        f"bytes\t{manifest.total_size}",
        f"complete\t{'yes' if manifest.complete else f'no, {_lacking(manifest)}'}",
        f"as of\t{manifest.snapshot_at}",
        f"to be had until\t{manifest.expires_at}",
    ]
