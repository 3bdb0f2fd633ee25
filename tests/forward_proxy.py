"""A real proxy on 127.0.0.1: tunnels by CONNECT, and passes plain http on; whatever host is asked for, it goes to one port."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class ForwardProxy(ThreadingHTTPServer):
    """`asked` has (method, host, Proxy-Authorization) of each request."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.to = port
        self.asked: list[tuple[str, str, str | None]] = []

    @property
    def address(self) -> str:
        """HOST:PORT to reach it at."""
        return f"127.0.0.1:{self.server_address[1]}"


@contextmanager
def forward_proxy(port: int) -> Iterator[ForwardProxy]:
    """One that leads to this port of 127.0.0.1."""
    with ForwardProxy(port) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()


class _Passing(BaseHTTPRequestHandler):
    server: ForwardProxy

    def do_CONNECT(self) -> None:
        self._note(self.path.rpartition(":")[0])
        with socket.create_connection(("127.0.0.1", self.server.to)) as onward:
            self.send_response(200)
            self.end_headers()
            _pass_both_ways(self.connection, onward)
        self.close_connection = True

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self._note(parts.hostname or "")
        with socket.create_connection(("127.0.0.1", self.server.to)) as onward:
            lines = [f"GET {parts.path} HTTP/1.1", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in self.headers.items() if name != "Proxy-Authorization"]
            onward.sendall("\r\n".join([*lines, "", ""]).encode())
            while chunk := onward.recv(65_536):
                self.wfile.write(chunk)
        self.close_connection = True

    def _note(self, host: str) -> None:
        self.server.asked.append((self.command, host, self.headers.get("Proxy-Authorization")))

    def log_message(self, *_: object) -> None:
        pass


def _pass_both_ways(here: socket.socket, there: socket.socket) -> None:
    back = threading.Thread(target=_pass, args=(there, here), daemon=True)
    back.start()
    _pass(here, there)
    back.join()


def _pass(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65_536):
            sink.sendall(chunk)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
