"""The operators' command `crashq`: translates arguments, calls one function, prints."""

import sys
from pathlib import Path

import click

from app.errors import AppError

DATA_DIR = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("var"),
    envvar="CRASHQ_DATA_DIR",
    show_default=True,
    help="Folder of the embedded default: database, store, log files.",
)


class Friendly(click.Group):
    """A group whose AppErrors are one sentence on standard error and exit code 1, never a stack trace."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except AppError as error:
            click.echo(f"crashq: {error.message}", err=True)
            sys.exit(1)


@click.group(cls=Friendly, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="crashq", prog_name="crashq")
def main() -> None:
    """Crash logs in; occurrences and reports out, as jobs."""


# The commands register themselves with `main` when they are imported.
from app.cli import accounts, backup, completion, demo, doctor, erase, logs, regroup, remote, schema, symbols, up  # noqa: E402, F401
