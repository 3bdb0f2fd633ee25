"""The broker of `crashq up`: a redis-server of its own where one is installed, else fakeredis' TCP server."""

import os
import secrets
import shutil
import socket
import sys
import time
from pathlib import Path

import redis

from app.cli.processes import Part, Processes
from app.config import BROKER_URL_FILE
from app.errors import ConfigError

START_GRACE = 15.0  # seconds
REDIS_SERVER = "redis-server"
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
UNQUOTED = frozenset(b"/-_.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


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
