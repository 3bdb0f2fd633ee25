"""Readers that take a large answer as slowly as they like: all others are answered, and the server's memory stays."""

import socket
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import pytest

from tests.live.conftest import Web

READERS = 50
SIZE = 16 * 1024 * 1024  # bytes of the answer, far more than sockets and pipes hold
MOST_MEMORY = 2 * 1024 * 1024  # bytes that a reader may cost
PROMPT = 5.0  # seconds for an answer beside them, on a busy machine


@pytest.fixture
def large(web: Web) -> str:
    """The path of a large log."""
    body = (b"x" * 1_023 + b"\n") * (SIZE // 1_024)
    url = f"/api/apps/{web.member.app.identifier}/logs"
    answer = web.client.post(f"{url}?log_id=large-log", data=body, headers=web.member.sender)
    assert answer.status_code == 202
    return f"{url}/large-log/raw"


def memory_of(pid: int) -> int:
    """Bytes that a process and its children hold."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4_096
    return own + sum(memory_of(int(child)) for child in children)


def begin(web: Web, path: str) -> socket.socket:
    """A connection on which the answer has begun, of which nothing more is read."""
    address = urlsplit(web.base)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.settimeout(60)
    connection.connect((address.hostname, address.port))
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token {web.member.token}\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def test_fifty_slow_readers_of_a_large_log_hold_nobody_up(web: Web, large: str):
    assert web.http.send("GET", large).status == 200
    before = memory_of(web.pid)

    with ExitStack() as stack:
        readers = [stack.enter_context(begin(web, large)) for _ in range(READERS)]
        begun = monotonic()
        others = [web.http.send("GET", other).status for other in ("/healthz", "/api/apps", "/api/jobs")]
        took = monotonic() - begun
        grown = memory_of(web.pid) - before
        statuses = {reader.recv(12) for reader in readers[:1]}

    assert (others, statuses) == ([200] * 3, {b"HTTP/1.1 200"})
    assert took < PROMPT
    assert grown < READERS * MOST_MEMORY
    assert web.http.send("GET", large).status == 200  # the threads of those who left are free
