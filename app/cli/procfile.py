"""`crashq web`, `crashq worker` and `crashq beat`, which the Procfile names.

The process of each command is replaced by that of the program, so that a supervisor watches, signals and kills the
program itself.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import click

from app.cli import main
from app.config import Config, embedded_environment
from app.errors import ConfigError

CELERY = ("-m", "celery", "--quiet", "--app")
WEB = ("-m", "app.web.server")
BEAT = (*CELERY, "workers.beat", "beat", "--pidfile=", "--loglevel", "warning")

FOLDER = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the embedded default, for what the environment leaves out; without it nothing may be left out.",
)


@main.command()
@FOLDER
def web(data_dir: Path | None) -> None:
    """Run the web server, with the settings of the environment. SIGTERM stops it when its requests have ended."""
    _become(_environment(data_dir), *WEB)


@main.command()
@click.option("--name", default="", help="Of this start: `crashq worker-died NAME` frees what it held.")
@FOLDER
def worker(name: str, data_dir: Path | None) -> None:
    """Run a worker: CRASHQ_WORKER_CONCURRENCY processes, for the CRASHQ_QUEUES. SIGTERM stops it; its work goes to another."""
    from app.services import START  # and below: half a second of imports, which web and beat can do without

    environ = _environment(data_dir)
    command = worker_command(Config.from_env(environ).worker_concurrency, _queues(environ))
    _become({**environ, START: name} if name else environ, *command)


@main.command()
@FOLDER
def beat(data_dir: Path | None) -> None:
    """Run beat, which sends periodic tasks to workers."""
    _become(_environment(data_dir), *BEAT)


def worker_command(concurrency: int, queues: tuple[str, ...]) -> tuple[str, ...]:
    """Arguments for Python."""
    few = ("--without-gossip", "--without-mingle", "--loglevel", "warning")
    return (*CELERY, "workers.celery", "worker", "--queues", ",".join(queues), "--concurrency", str(concurrency), *few)


def _environment(data_dir: Path | None) -> dict[str, str]:
    return dict(os.environ) if data_dir is None else embedded_environment(data_dir)


def _queues(environ: Mapping[str, str]) -> tuple[str, ...]:
    from app.queueing.broker import QUEUES

    wanted = tuple(name.strip() for name in environ.get("CRASHQ_QUEUES", "").split(",") if name.strip())
    if not set(wanted) <= set(QUEUES):
        raise ConfigError(f"CRASHQ_QUEUES has to be some of {','.join(QUEUES)}")
    return wanted or QUEUES


def _become(environ: dict[str, str], *arguments: str) -> NoReturn:
    os.execve(sys.executable, [sys.executable, *arguments], environ)  # noqa: S606  our own commands
