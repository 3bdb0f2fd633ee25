"""The access log: the id, duration and status of every request, as a line, a metric and a span of its trace."""

import time
from contextlib import ExitStack

import structlog
from flask import Request, Response
from werkzeug.routing import Rule

from app.telemetry import metrics, tracing
from app.telemetry.log_lines import request_id_from, sane_request_id

BEGUN, SPAN, TELL_STATUS = "crashq.begun", "crashq.span", "crashq.tell_status"  # in the environ of a request
CLASSES = ("0xx", "1xx", "2xx", "3xx", "4xx", "5xx")

log = structlog.get_logger()


def begin(request: Request) -> str:
    """Begin a request; returns its id, which every log line has from now on."""
    environ = request.environ
    environ[BEGUN] = time.perf_counter()
    given = sane_request_id(environ.get("HTTP_X_REQUEST_ID"))
    request_id = given or tracing.now.name_request(environ.get("HTTP_TRACEPARENT")) or request_id_from(None)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request=request_id)
    if tracing.now.is_on:
        environ[SPAN] = span = ExitStack()
        method, route = _method_and_route(request.url_rule, request.method)
        serving = tracing.now.serving(method, route, request_id, environ.get("HTTP_TRACEPARENT"))
        environ[TELL_STATUS] = span.enter_context(serving)
    return request_id


def finish(request: Request, response: Response, *, is_logged: bool) -> None:
    """Count an answered request and end its span; with `is_logged` write a line."""
    environ, status = request.environ, response.status_code
    took = time.perf_counter() - environ[BEGUN] if BEGUN in environ else 0.0
    method, route = _method_and_route(request.url_rule, environ["REQUEST_METHOD"])
    held = "yes" if "HTTP_PREFER" in environ and "Preference-Applied" in response.headers else "no"
    metrics.http_requests.observe(took, method, route, CLASSES[status // 100], held)
    if is_logged:
        log.info("served", method=method, route=route, status=status, ms=round(took * 1000, 1))
    if SPAN in environ:
        environ[TELL_STATUS](status)
        environ[SPAN].close()


def _method_and_route(rule: Rule | None, method: str) -> tuple[str, str]:
    """The path as it is declared, with names for ids: there are few of them, and they tell nothing of anybody."""
    return (method, rule.rule) if rule else ("any", "none")
