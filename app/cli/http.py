"""A small HTTP client for the demo: one request, its answer, and how long it took."""

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from typing import Any

TIMEOUT = 40  # seconds; above the longest wait that a request may ask for


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Http:
    """Sends requests to one server, with a token once there is one."""

    base: str
    token: str | None = None

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send one request; an error status is an answer like any other."""
        url = path if path.startswith("http") else self.base + path
        request = urllib.request.Request(url, data=body, method=method)  # noqa: S310  the demo's own server
        if self.token and url.startswith(self.base + "/api/"):
            request.add_header("Authorization", f"Token {self.token}")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        started = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310
                return Answer(response.status, response.headers, response.read(), time.monotonic() - started)
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read(), time.monotonic() - started)
