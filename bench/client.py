"""A quick HTTP client for one keep-alive connection: raw sockets, so that what is measured is the server."""

import json
import re
import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

TIMEOUT = 60.0  # seconds
KEPT = 1024  # bytes of an answer that is dropped, at least
WASTE = 1024 * 1024  # bytes
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int
    head: bytes
    body: bytes | bytearray  # only its beginning where the rest was dropped
    length: int  # bytes of the whole body

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def header(self, name: str) -> str:
        """A header's value, or an empty string."""
        found = re.search(rb"\r\n%s: *([^\r\n]*)" % name.encode(), self.head, re.IGNORECASE)
        return found[1].decode() if found else ""


class Connection:
    """A keep-alive connection to one server; opened again when the server has closed it."""

    def __init__(self, base: str, headers: dict[str, str] | None = None) -> None:
        parts = urlsplit(base)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        self._socket: socket.socket | None = None
        self._waste: bytearray | None = None  # where what is not kept goes

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
        """The bytes of a request."""
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        length = f"Content-Length: {len(body)}\r\n" if body or method == "POST" else ""
        host = f"Host: {self._address[0]}:{self._address[1]}\r\n"
        return f"{method} {path} HTTP/1.1\r\n{host}{self._lines}{more}{length}\r\n".encode() + body

    def get(self, path: str, **headers: str) -> Reply:
        """Send a GET and read the whole answer."""
        return self.send(self.request("GET", path, b"", **headers))

    def send(self, request: bytes, *, keep: bool = True) -> Reply:
        """Send the bytes of a request and read the whole answer; once more on a new connection if this one was closed.

        What is not to be kept is dropped a MiB at a time, so that a long answer costs the client no memory.
        """
        was_open = self._socket is not None
        try:
            return self._exchange(request, keep)
        except ConnectionError:
            self.close()
            if not was_open:
                raise
            return self._exchange(request, keep)

    def open(self) -> socket.socket:
        """The socket, connected."""
        if self._socket is None:
            self._socket = socket.create_connection(self._address, TIMEOUT)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _exchange(self, request: bytes, keep: bool) -> Reply:
        connection = self.open()
        connection.sendall(request)
        received = _some(connection)
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += _some(connection)
        head, rest = received[:end], received[end + 4 :]
        status = int(head[9:12])
        found = LENGTH.search(head)
        body: bytes | bytearray
        length = int(found[1]) if found else None
        if length is not None and not keep:
            while len(rest) < min(length, KEPT):
                rest += _some(connection)
            body = rest
            self._drop(connection, length - len(rest))
        elif length is not None:
            body = _exactly(connection, rest, length)
        elif status in (204, 304):
            body = b""
        else:
            body = _chunked(connection, rest)
        if b"onnection: close" in head:
            self.close()
        return Reply(status, head, body, len(body) if length is None else length)

    def _drop(self, connection: socket.socket, left: int) -> None:
        if self._waste is None:
            self._waste = bytearray(WASTE)
        while left > 0:
            got = connection.recv_into(self._waste)
            if not got:
                raise ConnectionResetError("closed within a body")
            left -= got


def ask(
    connection: Connection, path: str, poll_path: str, pause: float, grace: float = TIMEOUT, *, keep: bool = True
) -> Reply:
    """Ask and poll until the result is whole, with a pause in seconds between polls; `{job_id}` is filled into poll_path."""
    deadline = time.monotonic() + grace
    reply = connection.get(path)
    waiting = poll_path.replace("{job_id}", job_id_of(reply)) if is_loading(reply) else path
    while is_loading(reply):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} still loads after {grace:.0f} s")
        time.sleep(pause)
        reply = connection.send(connection.request("GET", waiting), keep=keep)
    return reply


def is_loading(reply: Reply) -> bool:
    """True while the job runs. Raises RuntimeError when the answer is an error."""
    if reply.status != 200:
        raise RuntimeError(f"status {reply.status}: {bytes(reply.body[:500])!r}")
    return re.search(rb'"loading":\s*\[\s*true', bytes(reply.body[:200])) is not None


def job_id_of(reply: Reply) -> str:
    """The job_id of an envelope."""
    found = re.search(rb'"job_id":\s*"([^"]+)"', bytes(reply.body[:200]))
    if found is None:
        raise RuntimeError(f"no job_id in {bytes(reply.body[:200])!r}")
    return found[1].decode()


def rows_in(reply: Reply) -> int:
    """How many rows an answer carries."""
    return reply.body.count(b'"log_id":')


def _some(connection: socket.socket) -> bytes:
    received = connection.recv(65_536)
    if not received:
        raise ConnectionResetError("closed by the server")
    return received


def _exactly(connection: socket.socket, rest: bytes, length: int) -> bytes | bytearray:
    if len(rest) >= length:
        return rest
    body = bytearray(length)
    body[: len(rest)] = rest
    view, at = memoryview(body), len(rest)
    while at < length:
        got = connection.recv_into(view[at:])
        if not got:
            raise ConnectionResetError("closed within a body")
        at += got
    return body


def _chunked(connection: socket.socket, rest: bytes) -> bytearray:
    received, body = bytearray(rest), bytearray()
    while True:
        while (end := received.find(b"\r\n")) < 0:
            received += _some(connection)
        size = int(received[:end].split(b";")[0], 16)
        while len(received) < end + 2 + size + 2:
            received += _some(connection)
        body += received[end + 2 : end + 2 + size]
        del received[: end + 2 + size + 2]
        if size == 0:
            return body
