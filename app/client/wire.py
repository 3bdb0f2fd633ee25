"""One server over HTTP: sends requests, repeats those that are safe to repeat, turns every failure into a ClientError.

urllib3 holds the connections; its own retries are switched off, because they know neither a deadline for the whole call, nor
progress in the middle of a body, nor a callback before each retry.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    InvalidHeader,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.response import BaseHTTPResponse
from urllib3.util.retry import Retry

from app.client.errors import JOB_TYPES, BadAnswer, ClientError, NotTrusted, Refused, Unreachable
from app.client.patience import Clock, Limits, Patience, RetryCallback
from app.client.proxies import Connections

CHUNK = 64 * 1024  # bytes
MAX_BODY = 32 * 1024 * 1024  # bytes of an answer that is read whole; a page of 10,000 crashes is a tenth of it
MAX_ERROR = 64 * 1024  # bytes read of an error
MAX_MESSAGE = 1_000  # characters kept of an error's sentence


@dataclass(frozen=True)
class Request:
    """One request. `body` may be a function that opens it anew for each attempt."""

    method: str
    path: str  # below the server's URL; or a whole signed link, to which no token is sent
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Callable[[], IO[bytes]] | None = None
    is_link: bool = False
    is_safe_to_repeat: bool = True


@dataclass(frozen=True)
class Answer:
    """A successful answer, read whole."""

    headers: Mapping[str, str]
    value: Any  # of its JSON

    @property
    def result(self) -> Any:
        """What stands under `result`. Raises BadAnswer."""
        if not isinstance(self.value, dict) or self.value.get("success") is not True:
            raise BadAnswer("The server's answer is not that of crashq", "Check the URL")
        return self.value.get("result")


class Wire:
    """Sends to one server with one token; not for several threads at once."""

    def __init__(
        self, base: str, token: str | None, insecure: bool, limits: Limits, clock: Clock, on_trouble: RetryCallback
    ) -> None:
        self.base, self.token, self.insecure = base, token, insecure
        self._limits, self._clock, self._on_trouble = limits, clock, on_trouble
        self._connections = Connections()

    def close(self) -> None:
        """Close the connections."""
        self._connections.clear()

    def patience(self) -> Patience:
        """For one call."""
        return Patience(self._limits, self._clock, self._on_trouble)

    def call(self, request: Request, patience: Patience | None = None) -> Answer:
        """Send, repeating while that is safe and helps; the body is JSON. Raises ClientError."""
        patience = patience or self.patience()
        while True:
            try:
                with self.opened(request, patience) as response:
                    answer = Answer(response.headers, self._json(response, patience))
                    patience.progressed()
                    return answer
            except ClientError as problem:
                if not request.is_safe_to_repeat:
                    raise
                patience.after(problem)

    @contextmanager
    def opened(self, request: Request, patience: Patience) -> Iterator[BaseHTTPResponse]:
        """One attempt: an answer of success whose body is yet to be read, by `chunks`. Raises ClientError."""
        patience.check()
        url = request.path if request.is_link else self.base + request.path
        if request.query:
            url = f"{url}?{urlencode(request.query)}"
        headers = {"User-Agent": "crashq-client", "Accept-Encoding": "gzip", **request.headers}
        if self.token is not None and not request.is_link:
            headers["Authorization"] = f"Token {self.token}"
        timeout = urllib3.Timeout(
            connect=patience.within(self._limits.connect), read=patience.within(self._limits.silence)
        )
        pool = self._connections.to(url)
        body = request.body() if callable(request.body) else request.body
        try:
            response = pool.urlopen(
                request.method, url, redirect=False, body=body, headers=headers, timeout=timeout, retries=False,
                preload_content=False,
            )  # fmt: skip
        except (HTTPError, OSError) as error:
            patience.check()
            raise _unreachable(error) from None
        finally:
            if not isinstance(body, bytes | None):
                body.close()
        try:
            if not 200 <= response.status < 300:
                raise self._refusal(response, patience)
            yield response
        finally:
            response.close()  # what was not read is not waited for
            response.release_conn()

    def chunks(self, response: BaseHTTPResponse, patience: Patience) -> Iterator[bytes]:
        """The body as it comes, unpacked. Raises Unreachable when it is cut."""
        while True:
            patience.check()
            try:
                chunk = response.read1(CHUNK, decode_content=True)
            except DecodeError:
                raise BadAnswer("The server's answer cannot be unpacked") from None
            except (HTTPError, OSError) as error:
                patience.check()
                raise _unreachable(error) from None
            if not chunk:
                return
            yield chunk

    def _json(self, response: BaseHTTPResponse, patience: Patience) -> Any:
        content = bytearray()
        for chunk in self.chunks(response, patience):
            content += chunk
            if len(content) > MAX_BODY:
                raise BadAnswer(f"The server's answer is longer than {MAX_BODY} bytes")
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise BadAnswer("The server's answer is not JSON", "Check the URL: is it a crashq server?") from None

    def _refusal(self, response: BaseHTTPResponse, patience: Patience) -> ClientError:
        status = response.status
        if status < 400:
            elsewhere = "The server sends this request elsewhere; tokens are not sent after it"
            return BadAnswer(elsewhere, "Use the URL that it has now")
        content = bytearray()
        try:
            for chunk in self.chunks(response, patience):
                content += chunk
                if len(content) > MAX_ERROR:
                    break
            value: Any = json.loads(content)
        except (ClientError, ValueError, RecursionError):
            value = None
        named: dict[str, Any] = value if isinstance(value, dict) else {}
        message, word = named.get("error_message"), named.get("status")
        return JOB_TYPES.get(status, Refused)(
            status,
            message[:MAX_MESSAGE] if isinstance(message, str) and message else f"The server answered {status}",
            word=word[:100] if isinstance(word, str) else "",
            code=response.headers.get("X-Error-Code", "")[:100],
            request_id=response.headers.get("X-Request-Id", "")[:100],
            retry_after=read_retry_after(response.headers),
        )


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, six hours at most; None when the header is missing or senseless."""
    value = headers.get("Retry-After")
    if value is None or len(value) > 40:
        return None
    try:
        return Retry().parse_retry_after(value)
    except (InvalidHeader, ValueError, OverflowError):
        return None


def _unreachable(error: Exception) -> Unreachable:
    """In words of ours: those of the libraries may hold the URL, which may be a signed link."""
    if isinstance(error, SSLError):
        advice = "Check the URL and the time of this machine; SSL_CERT_FILE names certificates of your own"
        return NotTrusted("The server's certificate is not trusted", advice)
    advice = "Check the URL, and that the server is up"
    if isinstance(error, ProxyError):
        return Unreachable(
            "The proxy that the environment names gives no connection to the server", "Check HTTPS_PROXY and NO_PROXY"
        )
    if isinstance(error, NameResolutionError):
        return Unreachable("The server's name is not known", advice)
    if isinstance(error, ConnectTimeoutError | NewConnectionError):
        return Unreachable("No connection to the server", advice)
    if isinstance(error, ReadTimeoutError):
        return Unreachable("The server has gone silent", advice)
    return Unreachable("The connection to the server was cut", advice)
