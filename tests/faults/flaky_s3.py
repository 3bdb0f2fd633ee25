"""A reverse proxy in front of an S3 server that answers 503 at random: python flaky_s3.py PORT UPSTREAM_PORT RATE SEED.

Half of the failures come before the server has seen the request, half after it has done what it was asked. After SIGUSR1
it passes on all.
"""

import http.client
import random
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade"}
SLOW_DOWN = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your request rate</Message></Error>"


class Handler(BaseHTTPRequestHandler):
    """Passes one request on, or does not."""

    protocol_version = "HTTP/1.1"
    upstream_port: int
    rate: float
    dice: random.Random

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        roll = self.dice.random()
        if roll < self.rate / 2:
            self._answer(503, [], SLOW_DOWN)
            return
        upstream = http.client.HTTPConnection("127.0.0.1", self.upstream_port, timeout=60)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            upstream.request(self.command, self.path, body, headers)
            response = upstream.getresponse()
            content = response.read()
        finally:
            upstream.close()
        if roll < self.rate:
            self._answer(503, [], SLOW_DOWN)
            return
        kept = [(name, value) for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP]
        self._answer(response.status, kept, content)

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() != "content-length" or self.command == "HEAD":
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        elif not any(name.lower() == "content-length" for name, _ in headers):
            self.send_header("Content-Length", "0")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass_on  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    port, upstream_port, rate, seed = sys.argv[1:]
    Handler.upstream_port, Handler.rate, Handler.dice = int(upstream_port), float(rate), random.Random(seed)
    signal.signal(signal.SIGUSR1, lambda *_: setattr(Handler, "rate", 0.0))
    ThreadingHTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
