"""A Redis stand-in in a process of its own, for machines without redis-server: `python -m app.cli.fake_redis PORT`."""

import signal
import socket
import sys
from typing import Any

from fakeredis import TcpFakeServer
from fakeredis._clients._tcp_server import TCPFakeRequestHandler


class PromptHandler(TCPFakeRequestHandler):
    """Sends small replies at once: with Nagle's algorithm a round trip takes ten times as long."""

    def setup(self) -> None:
        """Set TCP_NODELAY before the first byte."""
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()


def serve(port: int) -> None:
    """Serve on 127.0.0.1 until a signal comes."""
    server: Any = TcpFakeServer(("127.0.0.1", port), server_type="redis")
    server.RequestHandlerClass = PromptHandler
    server.daemon_threads = True
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
