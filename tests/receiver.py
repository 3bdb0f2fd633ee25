"""A real HTTP server on 127.0.0.1 that keeps what it is sent and answers as a test says."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook


@dataclass
class Got:
    """One request."""

    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes


@dataclass
class Receiver:
    """What came in, and what is answered: a status and headers."""

    port: int = 0
    answer: Callable[[int], tuple[int, dict[str, str]]] = lambda _: (204, {})  # given how many came before
    got: list[Got] = field(default_factory=list)
    hold: threading.Event | None = None  # no answer until it is set

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A running receiver."""
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers = made.answer(len(made.got))
            made.got.append(Got(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            if made.hold is not None:
                made.hold.wait(30)
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        if made.hold is not None:
            made.hold.set()
        server.shutdown()
        server.server_close()
        thread.join()


def verified(secret: str, got: Got) -> object:
    """The event, if an independent implementation finds it signed; else it raises."""
    return Webhook(secret).verify(got.body, got.headers)
