"""The operators' command `crashq`: translates arguments, calls one function, prints."""

import importlib
import os
import sys
from pathlib import Path

import click
from click.shell_completion import get_completion_class

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


class Commands(Friendly):
    """A group that imports the module of a command when that command is called: the whole server takes a second or two to
    import, which neither `crashq remote` nor a shell that completes a word should wait for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Every command, by name."""
        return sorted({name for names in COMMANDS.values() for name in names} | set(self.commands))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, which its module registers with `main`."""
        for module, names in COMMANDS.items():
            if cmd_name in names:
                importlib.import_module(f"{__name__}.{module}")
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of `--help`, by SUMMARIES: no module is imported for it."""
        rows = [(name, SUMMARIES[name]) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


COMMANDS = {
    "accounts": ("app", "erase", "user"),
    "audit": ("audit",),
    "backup": ("backup", "db", "doctor", "restore"),
    "dead_worker": ("worker-died",),
    "demo": ("demo",),
    "logs": ("log",),
    "procfile": ("beat", "web", "worker"),
    "regroup": ("regroup",),
    "remote": ("remote",),
    "symbols": ("symbols",),
    "up": ("up",),
}
"""Module beside this one -> the commands that it registers."""

SUMMARIES = {
    "app": "Apps whose crashes are collected.",
    "audit": "List who changed settings, members, keys and users, newest first",
    "backup": "Write database, store and secret into FOLDER, beside a running service or not.",
    "beat": "Run beat, which sends periodic tasks to workers.",
    "completion": "Print the completion for SHELL",
    "db": "The database.",
    "demo": "Show the whole service at work: logs in, occurrences and a report out, as jobs.",
    "doctor": "Compare database and storage, beside a running service or not.",
    "erase": "Erase USER_ID, as the app's logs name the user, and wait for the end",
    "log": "Uploaded crash logs.",
    "regroup": "Group all stored logs anew, beside a running service or without one.",
    "remote": "A crashq server over HTTP: crashes, occurrences, reports, batches, jobs, uploads.",
    "restore": "Bring the backup in FOLDER into an empty database and its store; nothing may run on them.",
    "symbols": "Debug information and mappings, by which frames get their names.",
    "up": "Start the whole service on this machine; Ctrl-C stops it.",
    "user": "People who may log in.",
    "web": "Run the web server, with the settings of the environment.",
    "worker": "Run a worker: CRASHQ_WORKER_CONCURRENCY processes, for the CRASHQ_QUEUES.",
    "worker-died": "Give to other workers at once what `crashq worker --name NAME` of this host held.",
}
"""Command -> the first sentence of its help, as a test compares."""

FOR_ANYBODY = frozenset({"completion", "remote"})
"""Commands that have no data folder: what they write is the user's own file."""


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="crashq", prog_name="crashq")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Crash logs in; occurrences and reports out, as jobs."""
    if ctx.invoked_subcommand not in FOR_ANYBODY:
        _keep_files_private(ctx)


def _keep_files_private(ctx: click.Context) -> None:
    """What the command and the processes below it write is the owner's alone, also in a copy or backup of the data folder.

    A proxy that sends the store's files by itself reads them by its group.
    """
    before = os.umask(0o077)
    os.umask(before | (0o027 if os.environ.get("CRASHQ_ACCEL_REDIRECT") else 0o077))
    ctx.call_on_close(lambda: os.umask(before))


@main.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print the completion for SHELL: put `eval "$(crashq completion bash)"` into its start file."""
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(main, {}, "crashq", "_CRASHQ_COMPLETE").source())
