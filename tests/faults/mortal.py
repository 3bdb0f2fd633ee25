"""A server process that a test may kill, freeze and start again as it was: same program, port and folder."""

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import redis

from tests.faults.deployment import descendants
from tests.servers import REDIS_DATABASES
from tests.system.conftest import is_alive, until


class Mortal:
    """A running server, known by its process id. Who began it need not know that it has been started again."""

    def __init__(self, pid: int, answers: Callable[[], bool], command: list[str] | None = None) -> None:
        self.pid = pid
        self._answers = answers
        begun_with = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
        self._command = begun_with if command is None else command
        self._folder = Path(f"/proc/{pid}/cwd").readlink()
        owner = Path(f"/proc/{pid}").stat().st_uid
        self._user = pwd.getpwuid(owner).pw_name if owner != os.geteuid() else None
        self._again: subprocess.Popen[bytes] | None = None

    def kill(self) -> None:
        """kill -9, and wait until it is gone with what it forked."""
        everyone = {self.pid, *descendants(self.pid)}
        os.kill(self.pid, signal.SIGKILL)
        if self._again:
            self._again.wait()
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)  # reaped here: PostgreSQL takes a zombie for a server that still runs
        until(lambda: not any(is_alive(pid) for pid in everyone), "the killed server to be gone")

    def start(self) -> None:
        """Start it again, and wait until it answers."""
        with open(os.devnull, "wb") as output:  # noqa: PTH123
            self._again = subprocess.Popen(
                self._command,
                cwd=self._folder, stdout=output, stderr=output, user=self._user, start_new_session=True,
            )  # fmt: skip
        self.pid = self._again.pid
        until(self._answers, "the server to answer again")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stopped (SIGSTOP) while the block runs."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Killed while the block runs, started again after it."""
        self.kill()
        try:
            yield
        finally:
            self.start()

    def end(self) -> None:
        """Stop what this object started; the first process belongs to who began it."""
        if self._again and self._again.poll() is None:
            self._again.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self._again.wait(10)
            if self._again.poll() is None:
                self._again.kill()
                self._again.wait()


@contextmanager
def mortal_redis(url: str) -> Iterator[Mortal]:
    """The redis-server behind a URL."""

    def answers() -> bool:
        try:
            with redis.Redis.from_url(url, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    with redis.Redis.from_url(url) as client:
        about = client.info("server")
    port = str(about["tcp_port"])  # its command line says so no more: it has put a title there
    command = ["redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no",
               "--databases", str(REDIS_DATABASES)]  # fmt: skip
    server = Mortal(int(about["process_id"]), answers, command)
    try:
        yield server
    finally:
        server.end()


@contextmanager
def mortal_postgres(url: str) -> Iterator[Mortal]:
    """The postmaster behind a URL."""
    plain = url.replace("+psycopg", "")

    def answers() -> bool:
        try:
            psycopg.connect(plain, connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True

    with psycopg.connect(plain) as connection:
        [folder] = connection.execute("SHOW data_directory").fetchone() or [""]
    server = Mortal(int((Path(folder) / "postmaster.pid").read_text().split()[0]), answers)
    try:
        yield server
    finally:
        server.end()


def hold_for(seconds: float) -> Iterator[float]:
    """Yield the seconds that have passed until so many have: for what a client does while something is away."""
    started = time.monotonic()
    while (passed := time.monotonic() - started) < seconds:
        yield passed
