"""A name that means another address at each look-up: the request goes to the address that was checked, or nowhere."""

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from app.webhooks.sending import Refused, post
from tests.receiver import Receiver, receiver

HOST = "rebound.example.com"
PERMITTED, FORBIDDEN = "127.0.0.1", "127.0.0.2"


class Resolver:
    """The system's resolver, in which HOST means the next address of a list at each look-up, and the last one for ever."""

    def __init__(self, *addresses: str) -> None:
        self.addresses, self.asked = addresses, 0
        self._real = socket.getaddrinfo

    def __call__(self, host: str, *args, **options):
        """As `socket.getaddrinfo`."""
        if host == HOST:
            host = self.addresses[min(self.asked, len(self.addresses) - 1)]
            self.asked += 1
        return self._real(host, *args, **options)


@pytest.fixture
def sink() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def inside(sink: Receiver) -> Iterator[list[str]]:
    """Who was asked, by a server on the forbidden address and the same port."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

    server = HTTPServer((FORBIDDEN, sink.port), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch):
    def use(*addresses: str) -> Resolver:
        made = Resolver(*addresses)
        monkeypatch.setattr(socket, "getaddrinfo", made)
        return made

    return use


def send(port: int) -> int:
    return post(f"http://{HOST}:{port}/hook", b"{}", {}, [f"{PERMITTED}/32"]).status


def test_a_name_that_is_bound_anew_after_the_check_leads_to_the_checked_address(sink, inside, resolver):
    names = resolver(PERMITTED, FORBIDDEN)

    assert send(sink.port) == 204

    assert ([got.headers["host"] for got in sink.got], inside) == ([f"{HOST}:{sink.port}"], [])
    assert names.asked == 1


def test_the_next_delivery_is_checked_anew_and_refused(sink, inside, resolver):
    resolver(PERMITTED, FORBIDDEN)
    send(sink.port)

    with pytest.raises(Refused, match="not a public address"):
        send(sink.port)

    assert (len(sink.got), inside) == (1, [])
