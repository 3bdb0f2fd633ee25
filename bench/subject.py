"""crashq itself, as it is deployed: the Procfile's web, worker and beat, with tokens, tenancy and access checks on."""

import json
import shlex
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from bench.processes import ROOT, Part, free_port
from bench.system import HERE, QUICKLY, WEB_PROCESSES, WEB_THREADS, WORKER_PROCESSES, System

EMAIL, PASSWORD = "bench@example.com", "correct horse battery staple"


@dataclass
class Crashq:
    """A migrated database with a user and an app."""

    environ: dict[str, str]
    app: str  # identifier
    key: str  # ingest key
    project: str  # its number in the DSN


@dataclass
class AddedApp:
    """An app of the user."""

    app: str  # identifier
    key: str  # ingest key
    project: str  # its number in the DSN


def set_up(folder: Path, database: str, redis_url: str) -> Crashq:
    """Migrate an empty database and add a user and an app."""
    environ = {
        "PATH": f"{HERE}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database.replace("postgresql://", "postgresql+psycopg://"),
        "REDIS_URL": redis_url,
        "STORAGE_URL": (folder / "objects").as_uri(),
        "SECRET_KEY": "only for this bench, opens nothing",
        "CRASHQ_HOST": "127.0.0.1",
        "CRASHQ_METRICS_DIR": str(folder / "metrics"),
        "WEB_CONCURRENCY": str(WEB_PROCESSES),
        "CRASHQ_WEB_THREADS": str(WEB_THREADS),
        "CRASHQ_WORKER_CONCURRENCY": str(WORKER_PROCESSES),
    }
    (folder / "objects").mkdir(parents=True)
    _crashq(folder, environ, "db", "upgrade")
    _crashq(folder, environ, "user", "add", EMAIL, line=f"{PASSWORD}\n")
    made = _add_app(folder, environ, "bench")
    return Crashq(environ, made.app, made.key, made.project)


def add_app(folder: Path, made: Crashq, name: str) -> AddedApp:
    """Add another app of the same user."""
    return _add_app(folder, made.environ, name)


def _add_app(folder: Path, environ: dict[str, str], name: str) -> AddedApp:
    lines = _crashq(folder, environ, "app", "add", name, "--owner", EMAIL).splitlines()
    told = dict(line.split(": ", 1) for line in lines)
    return AddedApp(told["app identifier"], told["ingest key"], told["DSN"].rpartition("/")[2])


def crashq(folder: Path, made: Crashq) -> System:
    """Started, and with the user's token in its headers."""
    port = free_port()
    environ = {**made.environ, "PORT": str(port)}
    lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines() if line)
    parts = [
        Part(f"{name} of crashq", ["/bin/sh", "-c", f"exec {lines[name]}"], folder / f"crashq-{name}.log", environ)
        for name in ("worker", "beat", "web")
    ]
    parts[-1].stop_signal = QUICKLY
    system = System("crashq", "crashq", port, environ["REDIS_URL"], parts, "/readyz", by_job_id=False)
    try:
        system.start()
        system.headers["Authorization"] = f"Token {_token(system.base)}"
    except BaseException:
        system.stop()
        raise
    return system


def _token(base: str) -> str:
    body = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
    with urllib.request.urlopen(f"{base}/api/login", body, timeout=30) as answer:  # noqa: S310  this machine
        token: str = json.load(answer)["result"]["auth_token"]
        return token


def _crashq(folder: Path, environ: dict[str, str], *arguments: str, line: str = "") -> str:
    command = [str(HERE / "crashq"), *arguments, "--data-dir", str(folder)]
    done = subprocess.run(  # noqa: S603  our own command
        command, input=line, capture_output=True, text=True, check=False, env=environ, timeout=60
    )
    if done.returncode:
        raise RuntimeError(f"{shlex.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout
