"""A system under measurement: its processes, how to ask it, and what it keeps in memory."""

import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.client import Connection
from bench.processes import Part, await_answer, free_port
from bench.seed import Seed

WEB_PROCESSES, WEB_THREADS, WORKER_PROCESSES = 2, 4, 2  # the same for every system
HERE = Path(sys.executable).parent
GRANIAN = ("--interface", "wsgi", "--http", "1", "--no-ws", "--log-level", "warning", "--workers", str(WEB_PROCESSES),
           "--blocking-threads", str(WEB_THREADS))  # fmt: skip
QUICKLY = signal.SIGINT  # gunicorn's stop that does not wait for idle connections


@dataclass
class System:
    """crashq or a peer, all of it running on ports of its own."""

    name: str
    title: str
    port: int
    redis_url: str
    parts: list[Part]
    ready: str  # a path that answers 200 when it works
    headers: dict[str, str] = field(default_factory=dict)
    by_job_id: bool = True  # polls name the job; else the same URL is asked again
    _next: int = 0  # small crash

    @property
    def base(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start every part and wait until the system answers."""
        for part in self.parts:
            part.start()
        await_answer(self.parts, self._check)

    def stop(self) -> None:
        """Stop every part."""
        for part in self.parts:
            part.ask_to_stop()
        for part in self.parts:
            part.stop()

    def connect(self) -> Connection:
        """A connection that sends a token."""
        return Connection(self.base, self.headers)

    def question(self, crash: str) -> tuple[str, str]:
        """(path that asks for a crash's occurrences, path that polls, with `{job_id}` in it where it is needed)."""
        path = f"/api/crashes/{crash}/occurrences"
        return path, f"{path}?job_id={{job_id}}" if self.by_job_id else path

    def fresh(self, seed: Seed, number: int) -> list[str]:
        """That many small crashes which nobody has asked this system for. Raises RuntimeError when there are no more."""
        if self._next + number > len(seed.small):
            raise RuntimeError(f"{self.name} has used up the {len(seed.small)} small crashes")
        self._next += number
        return seed.small[self._next - number : self._next]

    def forget(self, connection: Connection, job_id: str) -> None:
        """Let the next equal question be a new job; the peers begin a new one at each question anyhow."""
        if not self.by_job_id:
            connection.send(connection.request("DELETE", f"/api/jobs/{job_id}"))

    def _check(self) -> None:
        connection = self.connect()
        try:
            if (status := connection.get(self.ready).status) not in (200, 404):
                raise ConnectionError(f"{self.ready} answers {status}")
        finally:
            connection.close()


def gunicorn(name: str, module: str, port: int, folder: Path, environ: dict[str, str]) -> Part:
    """A peer's web server: the same number of processes and threads as crashq's."""
    command = [str(HERE / "gunicorn"), "--workers", str(WEB_PROCESSES), "--threads", str(WEB_THREADS),
               "--worker-class", "gthread", "--keep-alive", "5", "--log-level", "warning",
               "--bind", f"127.0.0.1:{port}", module]  # fmt: skip
    return Part(f"web of {name}", command, folder / f"{name}-web.log", environ, stop_signal=QUICKLY)


def peer(name: str, folder: Path, database: str, redis_url: str) -> System:
    """Flask with Celery, RQ or Dramatiq, not started."""
    port, module = free_port(), f"bench.peers.{name}_usual"
    environ = {
        "BENCH_DATABASE": database,
        "BENCH_REDIS": redis_url,
        "BENCH_FOLDER": str(folder),
        "PYTHONPATH": str(HERE.parents[1]),
    }
    workers = [
        Part(f"worker of {name}", command, folder / f"{name}-worker.log", environ)
        for command in _workers(name, module, redis_url)
    ]
    web = gunicorn(name, f"{module}:web", port, folder, environ)
    title = {"celery": "Flask + Celery, Redis results", "rq": "Flask + RQ", "dramatiq": "Flask + Dramatiq"}[name]
    return System(name, title, port, redis_url, [*workers, web], "/")


def constant(name: str, folder: Path, file: Path) -> System:
    """Views that do nothing, on the same server as crashq (`constant`) or the peers (`gunicorn`), not started."""
    port = free_port()
    environ = {"BENCH_FILE": str(file), "PYTHONPATH": str(HERE.parents[1])}
    module = "bench.peers.constant:web"
    if name == "constant":
        web = Part("web of constant", [sys.executable, "-m", "granian", *GRANIAN, "--port", str(port), module],
                   folder / "constant-web.log", environ)  # fmt: skip
        return System(name, "a Flask view that returns a constant, on crashq's server", port, "", [web], "/constant")
    web = gunicorn(name, module, port, folder, environ)
    return System(name, "a Flask view that returns a constant, on the peers' server", port, "", [web], "/constant")


def _workers(name: str, module: str, redis_url: str) -> Iterator[list[str]]:
    if name == "celery":
        yield [str(HERE / "celery"), "--app", f"{module}:celery", "worker",
               "--concurrency", str(WORKER_PROCESSES), "--loglevel", "warning"]  # fmt: skip
    elif name == "rq":
        for _ in range(WORKER_PROCESSES):
            yield [str(HERE / "rq"), "worker", "--url", redis_url, "--quiet"]
    else:
        yield [str(HERE / "dramatiq"), module, "--processes", str(WORKER_PROCESSES)]
