"""A Redis stand-in in a process of its own, for machines without redis-server: `python -m app.cli.fake_redis PORT`.

The password that it asks for comes on standard input, where no other user of the machine sees it.
"""

import os
import secrets
import signal
import socket
import sys
from typing import Any, BinaryIO

from fakeredis import TcpFakeServer
from fakeredis._clients._tcp_server import TCPFakeRequestHandler

LOGIN_WITHIN = 10.0  # seconds for the first command
MOST_WORDS, LONGEST_WORD = 16, 1_024  # of the first command; bytes


class Server(TcpFakeServer):
    """fakeredis' server, and the password that its clients have to know."""

    password: bytes


class PromptHandler(TCPFakeRequestHandler):
    """Sends small replies at once: with Nagle's algorithm a round trip takes ten times as long.

    fakeredis takes passwords and asks for none. So the first command has to be AUTH or HELLO with the right one.
    """

    server: Server

    def setup(self) -> None:
        """Set TCP_NODELAY before the first byte."""
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()

    def handle(self) -> None:
        """Serve clients that know the password; refuse all others and hang up."""
        self.request.settimeout(LOGIN_WITHIN)
        try:
            with self.request.makefile("rb", buffering=0) as unbuffered:  # what follows is left to be read
                words = _command(unbuffered)
            allowed, rest = _login(words, self.server.password)
            if not allowed:
                self.request.sendall(b"-NOAUTH Authentication required.\r\n")
                return
            if not rest:
                self.request.sendall(b"+OK\r\n")
        except (OSError, ValueError):
            return
        self.request.settimeout(None)
        os.set_blocking(self.request.fileno(), False)  # as fakeredis had it
        if rest:
            self.current_client.get_socket().sendall(_encoded(rest))
        super().handle()


def _command(stream: BinaryIO) -> list[bytes]:
    """The words of one command. Raises ValueError for what is none."""
    words = []
    for _ in range(_length(stream, b"*", MOST_WORDS)):
        size = _length(stream, b"$", LONGEST_WORD)
        word = b""
        while len(word) < size + len(b"\r\n"):
            more = stream.read(size + len(b"\r\n") - len(word))
            if not more:
                raise ValueError("the command is cut off")
            word += more
        words.append(word[:size])
    return words


def _length(stream: BinaryIO, sign: bytes, most: int) -> int:
    line = stream.readline(LONGEST_WORD)
    length = int(line.removeprefix(sign)) if line.startswith(sign) else -1
    if not 0 <= length <= most:
        raise ValueError("not the command of a client of Redis")
    return length


def _login(words: list[bytes], password: bytes) -> tuple[bool, list[bytes]]:
    """Whether the command shows the password, and what of it is still to be done."""
    name = words[0].upper() if words else b""
    if name == b"AUTH" and len(words) in (2, 3):
        return secrets.compare_digest(words[-1], password), []
    if name == b"HELLO" and len(words) >= 5 and words[2].upper() == b"AUTH":
        return secrets.compare_digest(words[4], password), words[:2] + words[5:]
    return False, []


def _encoded(words: list[bytes]) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def serve(port: int, password: bytes) -> None:
    """Serve on 127.0.0.1 until a signal comes."""
    server: Any = Server(("127.0.0.1", port), server_type="redis")
    server.RequestHandlerClass = PromptHandler
    server.password = password
    server.fake_server.config[b"requirepass"] = password  # for clients that send it once more
    server.daemon_threads = True
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))  # it has nothing to keep
    server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.stdin.buffer.read())
