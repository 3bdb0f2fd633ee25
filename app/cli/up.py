"""`crashq up`: web, worker, beat and, unless one is given, a broker on this machine."""

import fcntl
import logging
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

import click
from rich.console import Console

from app.cli import DATA_DIR, main
from app.cli.processes import Processes, forget_broker, free_port, start_broker
from app.cli.procfile import BEAT, WEB, worker_command
from app.config import PORT_FILE, Config, embedded_environment
from app.db.models import heartbeat
from app.errors import ConfigError, TransientError
from app.operations.schema import upgrade
from app.operations.store_setup import set_up_storage
from app.queueing.broker import QUEUES
from app.services import holders_of_start, open_services
from app.telemetry.log_lines import configure_logs

START_GRACE = 60.0  # seconds for all parts to answer
TEND_EVERY = 0.5  # seconds
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Running:
    """A service that is up."""

    url: str
    processes: Processes


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on; 0 takes a free one. [default: 8000]")
@DATA_DIR
def up(host: str, port: int | None, data_dir: Path) -> None:
    """Start the whole service on this machine; Ctrl-C stops it. The data stays in the data folder."""
    console = Console(stderr=True, highlight=False)
    configure_logs("text", logging.ERROR)
    ending = end_by_signals()
    with suppress(KeyboardInterrupt), running(data_dir, host, port, console) as service:
        click.echo(f"crashq is up: sign in at {service.url} (the API is described at {service.url}/docs)")
        click.echo(f"Data and log files are in {data_dir.resolve()}. Ctrl-C stops it.")
        sys.stdout.flush()
        stay(service, data_dir, console, ending)
    click.echo("crashq has stopped; nothing is left running.")


class EndBySignals:
    """Handles the signals that end a program.

    The first one interrupts what runs, by KeyboardInterrupt. An exception that a handler raises is lost when it runs
    inside a destructor or a callback of the garbage collector; `is_asked` is not.
    """

    def __init__(self) -> None:
        self.is_asked = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        """Handle a signal."""
        if not self.is_asked:
            self.is_asked = True
            raise KeyboardInterrupt


def end_by_signals() -> EndBySignals:
    """Let SIGINT, SIGTERM and SIGHUP end the program. SIGINT too: the background jobs of a shell ignore it."""
    ending = EndBySignals()
    for number in ENDING:
        signal.signal(number, ending)
    return ending


def stay(service: Running, data_dir: Path, console: Console, ending: EndBySignals) -> None:
    """Start again what dies, until a signal asks for the end."""
    while not ending.is_asked:
        time.sleep(TEND_EVERY)
        for line in service.processes.tend():
            console.print(f"crashq: {line} (see {data_dir.resolve()}/logs)")


@contextmanager
def running(data_dir: Path, host: str, port: int | None, console: Console) -> Iterator[Running]:
    """The whole service while the block runs. Raises ConfigError when a part does not come up."""
    environ = embedded_environment(data_dir)
    environ["PORT"] = str(_free(host, port if port is not None else int(os.environ.get("PORT") or 8000)))
    environ["CRASHQ_HOST"] = host
    data_dir = data_dir.resolve()
    with _only_one(data_dir), console.status("Starting…") as status:
        processes = Processes(data_dir / "logs")
        try:
            if not os.environ.get("REDIS_URL"):
                status.update("Starting the broker…")
                environ["REDIS_URL"] = start_broker(processes, data_dir)
            config = Config.from_env(environ)
            status.update("Bringing the database up to date…")
            services = open_services(config)
            upgrade(services.db)
            set_up_storage(services)
            with services.db.write() as session:
                heartbeat.forget(session, heartbeat.WORKER)  # of an earlier run; this one has to show its own
            services.close()
            status.update("Starting web, worker and beat…")
            _start_parts(processes, config, environ)
            url = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{config.port}"  # noqa: S104
            _await_ready(url, processes)
            (data_dir / PORT_FILE).write_text(f"{config.port}\n")
            status.stop()
            yield Running(url, processes)
        finally:
            status.start()
            status.update("Stopping…")
            for number in ENDING:
                signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it running
            processes.stop()
            forget_broker(data_dir)
            (data_dir / PORT_FILE).unlink(missing_ok=True)


def _start_parts(processes: Processes, config: Config, environ: dict[str, str]) -> None:
    python = sys.executable
    processes.start("web", [python, *WEB], environ)
    processes.start(
        "worker",
        [python, *worker_command(config.worker_concurrency, QUEUES)],
        environ,
        has_died=lambda worker: _take_from_dead(config, worker.start_id),
    )
    processes.start("beat", [python, *BEAT], environ)


def _take_from_dead(config: Config, start: str) -> None:
    from app.background import TYPES  # all that workers do, half a second of imports, for what happens rarely
    from app.work.ending import take_from_dead

    with closing(open_services(config)) as services, suppress(TransientError):  # else the leases run out
        take_from_dead(services, TYPES.values(), holders_of_start(start))


def _await_ready(url: str, processes: Processes) -> None:
    deadline = time.monotonic() + START_GRACE
    why = "it did not answer"
    while time.monotonic() < deadline:
        for part in processes.parts:
            if not part.is_running:
                raise ConfigError(f"{part.name} ended while starting; its last lines were:\n{part.last_lines()}")
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5):  # noqa: S310  our own address
                return
        except urllib.error.HTTPError as error:
            why = error.read().decode(errors="replace")
        except OSError:
            pass
        time.sleep(0.1)
    raise ConfigError(f"The service did not become ready in {START_GRACE:.0f} seconds: {why}")


def _free(host: str, port: int) -> int:
    if port == 0:
        return free_port()
    try:
        with socket.create_server((host, port)):
            return port
    except OSError as error:
        raise ConfigError(f"{host} port {port} cannot be used ({error.strerror}); choose another with --port") from None


@contextmanager
def _only_one(data_dir: Path) -> Iterator[IO[str]]:
    with (data_dir / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"crashq is running on {data_dir} already; stop it or choose another --data-dir"
            ) from None
        yield lock
