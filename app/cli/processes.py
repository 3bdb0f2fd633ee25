"""The processes of `crashq up`: started, restarted when they die, none left behind; and its broker."""

import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis

from app.config import BROKER_URL_FILE
from app.errors import ConfigError
from app.services import START

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a dead part starts again; doubles while it keeps dying
STEADY_AFTER = 60.0  # seconds alive after which a part counts as healthy again
STOP_GRACE = 40.0  # seconds between SIGTERM and SIGKILL; longer than the longest request that is held
LARGEST_LOG = 10 * 1024 * 1024  # bytes; a longer log file becomes the .old one at the next start
PR_SET_PDEATHSIG = 1  # Linux: the kernel signals the child when its parent dies, however it dies
START_GRACE = 15.0  # seconds
REDIS_SERVER = "redis-server"
UNQUOTED = frozenset(b"/-_.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


@dataclass
class Part:
    """One process that is to be kept alive."""

    name: str
    command: list[str]
    environ: Mapping[str, str]
    log_file: Path
    stdin: bytes = b""
    has_died: Callable[["Part"], None] = lambda _: None  # called when none of its processes is left
    process: subprocess.Popen[bytes] | None = None
    start_id: str = ""  # of the latest start
    started: float = 0.0
    pause: float = FIRST_PAUSE
    start_at: float | None = field(default=None)  # when to start it again; None while it runs

    def start(self) -> None:
        """Start the process in a session of its own, so that Ctrl-C reaches it only through us."""
        self.start_id = secrets.token_hex(4)
        with self.log_file.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603  our own commands
                self.command,
                env={**self.environ, START: self.start_id},
                stdin=subprocess.PIPE if self.stdin else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        if self.stdin and self.process.stdin:
            self.process.stdin.write(self.stdin)
            self.process.stdin.close()
        self.started, self.start_at = time.monotonic(), None

    @property
    def is_running(self) -> bool:
        """True while the process lives."""
        return self.process is not None and self.process.poll() is None

    def last_lines(self, number: int = 15) -> str:
        """The end of its log file, for a person to see why it died."""
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-number:])


class Processes:
    """Parts in the order of their start; stopped in the reverse order."""

    def __init__(self, log_folder: Path) -> None:
        self._log_folder = log_folder
        self.parts: list[Part] = []
        log_folder.mkdir(parents=True, exist_ok=True)

    def start(
        self,
        name: str,
        command: list[str],
        environ: Mapping[str, str],
        stdin: bytes = b"",
        has_died: Callable[[Part], None] = lambda _: None,
    ) -> Part:
        """Start a part and keep it alive from now on. `has_died` is called each time before it is started again."""
        log_file = self._log_folder / f"{name}.log"
        if log_file.exists() and log_file.stat().st_size > LARGEST_LOG:
            log_file.replace(log_file.with_suffix(".log.old"))
        part = Part(name, command, environ, log_file, stdin, has_died)
        part.start()
        self.parts.append(part)
        return part

    def tend(self) -> list[str]:
        """Start again what has died, not faster than its pause allows; returns what is worth telling."""
        messages = []
        now = time.monotonic()
        for part in self.parts:
            if part.is_running:
                continue
            if part.start_at is None:
                assert part.process is not None
                part.pause = FIRST_PAUSE if now - part.started > STEADY_AFTER else min(part.pause * 2, LONGEST_PAUSE)
                part.start_at = now + part.pause
                _end_group(part.process)
                part.has_died(part)
                messages.append(f"{part.name} ended with {part.process.returncode}, starts again in {part.pause:.0f} s")
            elif now >= part.start_at:
                part.start()
        return messages

    def stop(self) -> None:
        """End every part, the last one first: politely, then by force, with all that it started."""
        for part in reversed(self.parts):
            if part.process is not None:
                _stop(part.process)
        self.parts.clear()


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_GRACE)
    _end_group(process)
    process.wait()


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End what a part itself started and did not end."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


REDIS_SETTINGS = """
bind 127.0.0.1
port {port}
requirepass {password}
save ""
appendonly no
maxmemory-policy noeviction
daemonize no
dir "{folder}"
"""


def start_broker(processes: Processes, data_dir: Path) -> str:
    """Start a broker on a free port of this machine, note its URL in the data folder and return it.

    It asks for a password, which stands in that URL only: other users of the machine reach the port as well.
    """
    port = free_port()
    password = secrets.token_urlsafe(24)
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    server = shutil.which(REDIS_SERVER)
    if server:
        settings = REDIS_SETTINGS.format(port=port, password=password, folder=_escaped(data_dir))
        part = processes.start("broker", [server, "-"], os.environ, stdin=settings.encode())
    else:
        stand_in = [sys.executable, "-m", "app.cli.fake_redis", str(port)]
        part = processes.start("broker", stand_in, os.environ, stdin=password.encode())
    _await_answer(url, part)
    path = data_dir / BROKER_URL_FILE
    path.touch(mode=0o600)
    path.write_text(url)
    return url


def forget_broker(data_dir: Path) -> None:
    """Keep other commands from enqueueing at a broker that is gone."""
    (data_dir / BROKER_URL_FILE).unlink(missing_ok=True)


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _escaped(path: Path) -> str:
    """The path's bytes as they may stand between double quotes in redis.conf."""
    return "".join(chr(byte) if byte in UNQUOTED else f"\\x{byte:02x}" for byte in os.fsencode(path))


def _await_answer(url: str, part: Part) -> None:
    client = redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
    deadline = time.monotonic() + START_GRACE
    while time.monotonic() < deadline and part.is_running:
        try:
            client.ping()
            client.close()
            return
        except redis.RedisError:
            time.sleep(0.05)
    raise ConfigError(f"The broker did not start; its last lines were:\n{part.last_lines()}")
