"""The WSGI application."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any
from urllib.parse import unquote, urlsplit

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app.config import Config
from app.services import Services, open_services
from app.telemetry import multiprocess_metrics, tracing
from app.telemetry.log_lines import configure_logs
from app.web import api, console
from app.web.request_body import BODY, Bodies, IncomingBody


def create_app(services: Services | None = None) -> Flask:
    """The WSGI application; without services, as the environment says. Raises ConfigError."""
    if services is None:
        config = Config.from_env()
        configure_logs(config.log_format)
        if config.metrics_dir:
            multiprocess_metrics.count_in(config.metrics_dir, "web")
        tracing.start(config.tracing, "web")
        services = open_services(config)
    flask = Flask(__name__, static_folder=None)
    flask.url_map.merge_slashes = False  # a doubled slash is an unknown path, not a redirect
    if prefix := prefix_of(services.config.public_url):
        flask.wsgi_app = BelowPrefix(flask.wsgi_app, prefix)  # type: ignore[method-assign]
    if services.config.trusted_proxies:
        hops = services.config.trusted_proxies
        flask.wsgi_app = ProxyFix(flask.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_prefix=hops)  # type: ignore[method-assign]
    at_once = AtOnce(flask.wsgi_app, services.config.web_threads, services.config.body_timeout)
    flask.wsgi_app = at_once  # type: ignore[method-assign]
    api.register(flask, services, at_once.rest)
    console.register(flask, api.http_error)
    return flask


class AtOnce:
    """A number of slots for requests that are worked on, and need connections; more threads send answers and streams.

    A request has no slot while it waits for its body: clients that send slowly, or nothing, take none away.
    """

    def __init__(self, application: Any, most: int, body_timeout: float) -> None:
        self._application = application
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(most):
            self._free.put(None)
        self._bodies = Bodies(body_timeout, self.rest)

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Wait for a slot, and work out the answer; its body is then sent without one."""
        if environ.get("CONTENT_LENGTH") not in (None, "", "0") or "HTTP_TRANSFER_ENCODING" in environ:  # a body comes
            return self._with_body(environ, start_response)
        return self._in_slot(environ, start_response)

    @contextmanager
    def rest(self) -> Iterator[None]:
        """Free the slot of a request for as long as it only waits."""
        self._free.put(None)
        try:
            yield
        finally:
            self._free.get()

    def _in_slot(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        self._free.get()
        try:
            answer: Iterable[bytes] = self._application(environ, start_response)
        finally:
            self._free.put(None)
        return answer

    def _with_body(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"] = environ[BODY] = IncomingBody(environ, self._bodies)
        head: list[Any] = ["500", []]

        def begin(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            head[:] = status, headers
            return start_response(status, headers, *error)

        answer: Iterable[bytes] = ()
        try:
            answer = self._in_slot(environ, begin)
        finally:
            answer = body.finish(int(head[0].split(" ", 1)[0]), head[1], answer)
        return answer


def prefix_of(public_url: str | None) -> str:
    """The path of a public URL without a slash at its end; empty where it has none."""
    return unquote(urlsplit(public_url or "").path).rstrip("/")


class BelowPrefix:
    """Tells the application the prefix that a proxy has taken off the path, unless the proxy did so (`X-Forwarded-Prefix`)."""

    def __init__(self, application: Any, prefix: str) -> None:
        self._application = application
        self._prefix = prefix

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME") or self._prefix
        answer: Iterable[bytes] = self._application(environ, start_response)
        return answer
