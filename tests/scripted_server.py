"""A real HTTP server on 127.0.0.1 that answers as a script says, also in ways that no good server would."""

import json
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

JOB = "2eab310c430bf292171281ae"


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]  # names in lower case
    body: bytes


@dataclass
class Reply:
    """One answer. With `promised` another Content-Length than that of the body is sent, and the connection is closed after it."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""  # not bytes: sent in chunks as they come
    promised: int | None = None
    before: Callable[[], object] = lambda: None
    after: Callable[[], object] = lambda: None  # called when the body is sent, before the connection is closed


Answering = Reply | Callable[[Asked], Reply]


class ScriptedServer:
    """Gives the replies one after the other; the last one is given to all later requests."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.replies: list[Answering] = []
        self.port = 0
        self.tls: ssl.SSLContext | None = None  # set before the start: https
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Listen no more: connections are refused."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)
                scripted.asked.append(asked)
                found = scripted.replies.pop(0) if len(scripted.replies) > 1 else scripted.replies[0]
                reply = found if isinstance(found, Reply) else found(asked)
                reply.before()
                with suppress(OSError):  # the client has seen enough, or waits no longer
                    self._send(reply)

            do_GET = do_POST = do_DELETE = _answer  # noqa: N815

            def _send(self, reply: Reply) -> None:
                self.close_connection = True
                self.send_response(reply.status)
                self.send_header("Connection", "close")
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if isinstance(reply.body, bytes):
                    length = len(reply.body) if reply.promised is None else reply.promised
                    self.send_header("Content-Length", str(length))
                    self.end_headers()
                    self.wfile.write(reply.body)
                else:
                    self.end_headers()
                    for chunk in reply.body:
                        self.wfile.write(chunk)
                self.wfile.flush()
                reply.after()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        return Handler


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    """A running one."""
    made = ScriptedServer()
    made.start()
    try:
        yield made
    finally:
        made.stop()


def told(result: Any, **headers: str) -> Reply:
    """A success."""
    return Reply(200, headers, json.dumps({"success": True, "result": result}).encode())


def envelope(result: Any, *, loading: bool = False, **headers: str) -> Reply:
    """A poll's answer; of a header's name `_` is `-`."""
    body = {"loading": [loading], "job_id": JOB, "success": True, "result": result}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(200, named, json.dumps(body, separators=(",", ":")).encode())


def refused(status: int, word: str, message: str, **headers: str) -> Reply:
    """An error in the contract's shape."""
    body = {"success": False, "status": word, "error_message": message}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, named, json.dumps(body).encode())
