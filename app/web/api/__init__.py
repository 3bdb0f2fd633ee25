"""HTTP in, JSON out: routes, what is checked of every request, and the one place where errors become answers."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache, partial
from importlib.metadata import version

import structlog
from flask import Flask, Request, Response, abort, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RoutingException

from app.acting import NOBODY, OPERATOR, act_as
from app.config import Config
from app.errors import STATUS_WORDS, AppError, BadParameters, as_outage
from app.services import Services
from app.telemetry.log_lines import request_id_from
from app.web import access_log
from app.web.api import (
    answers,
    apps,
    audit,
    bugsnag,
    cors,
    crashes,
    data_exporters,
    docs,
    downloads,
    dropped,
    events,
    health,
    invitations,
    jobs,
    keys,
    kscrash,
    login,
    logs,
    members,
    notifications,
    otlp,
    polling,
    privacy,
    regroup,
    saved_views,
    senders,
    sentry_account,
    sentry_archives,
    sentry_errors,
    sentry_releases,
    sentry_uploads,
    symbol_uploads,
    symbols,
    tokens,
    triage,
    unreal,
    upload_keys,
    webhooks,
)
from app.web.api.brief_wait import with_brief_wait
from app.web.api.openapi.document import describe
from app.web.api.openapi.words import Json
from app.web.api.polling import ASK, WAITING, Ask, ask_at_once
from app.web.api.repeats import Repeats, changes, with_response_cache
from app.web.api.streams import Streams
from app.web.api.waiting import WaitingRooms
from app.web.auth import EXTENSION, note_use
from app.web.csrf import SAFE_METHODS
from app.web.hosts import Hosts

log = structlog.get_logger()

WATCHED = ("/healthz", "/readyz", "/metrics")

LENIENT = frozenset(
    {
        "/api/crashes/<crash_identifier>/occurrences",  # clients of the vendor's two endpoints may send more
        "/api/crashes/<crash_identifier>/export_occurrences",
        "/api/downloads/<signed>",  # mail programs and chats add their own to links
    }
)
"""Paths whose GET may have any name in its query."""
_PART = re.compile(r"<(?:\w+:)?(\w+)>")

SENTENCES = {
    404: "There is nothing at this path",
    405: "This path does not take this method",
    413: "The body is too large",
    500: AppError.message,
}


RESOURCES = tuple(
    module.resource
    for module in (
        invitations,
        login, logs, senders, bugsnag, kscrash, otlp, unreal, dropped, apps, crashes, regroup, polling, jobs, events, downloads,
        triage, members, audit, keys, tokens, privacy, data_exporters, symbols, symbol_uploads, sentry_uploads, sentry_archives,
        saved_views, sentry_releases, sentry_account, upload_keys, webhooks, notifications, health, docs,
    )
)  # fmt: skip


@cache
def api_document() -> Json:
    """The OpenAPI document of all resources, made once. It must not be changed."""
    return describe(RESOURCES, version("crashq"))


def register(flask: Flask, services: Services, rest: Callable[[], AbstractContextManager[object]]) -> None:
    """Mount every route and the error handlers. `rest` is entered while a request only waits."""
    flask.extensions[EXTENSION] = services
    rooms = flask.extensions[WAITING] = WaitingRooms.of(services.config.web_threads, rest)
    flask.extensions[ASK] = _ask(services.config, rooms)
    flask.extensions[events.STREAMS] = Streams(services, places=services.config.web_streams)
    flask.extensions[docs.OPENAPI] = api_document
    for resource in RESOURCES:
        flask.register_blueprint(resource)
    flask.before_request(partial(_begin, Hosts(services.config)))
    flask.teardown_request(lambda _: act_as(OPERATOR))
    flask.after_request(partial(_finish, is_logged=services.config.access_log))
    cors.allow(flask, services.config.cors_origins)
    flask.after_request(note_use)
    flask.register_error_handler(AppError, answers.error)
    flask.register_error_handler(HTTPException, http_error)
    flask.register_error_handler(Exception, _unexpected)


def _ask(config: Config, rooms: WaitingRooms) -> Ask:
    """How this process finds the job that answers a poll: the plain way, and around it the parts for speed that are on."""
    ask: Ask = ask_at_once
    is_heard = changes.is_shared or config.web_concurrency == 1  # all processes see a change made by one of them
    if config.speed.response_cache and config.repeat_for and is_heard:
        ask = with_response_cache(ask, Repeats(config.repeat_for / 1000, changes))
    if config.speed.brief_wait:
        ask = with_brief_wait(ask, rooms.brief)
    return ask


def _begin(hosts: Hosts) -> None:
    """Give the request its id, and refuse it when its host or a name of its query is unknown, or its path is no text."""
    this_request = _request()
    act_as(NOBODY)  # until it is known whose request it is
    g.request_id = access_log.begin(this_request)
    if this_request.path not in WATCHED:  # probes name the address at which they reach us; they get no links
        hosts.check(this_request.environ.get("HTTP_HOST", ""))
    if "\0" in this_request.path:  # nothing has such a name, and PostgreSQL takes none in a statement
        abort(404)
    if this_request.query_string and this_request.method == "GET":
        _check_query_names(this_request)


def _check_query_names(request: Request) -> None:
    """Raises BadParameters naming the first parameter of a GET that the description of the API does not have.

    A misspelt filter that is ignored gives everything, which looks like an answer.
    """
    rule = request.url_rule.rule if request.url_rule else None
    if rule is None or rule in LENIENT:
        return
    known = _query_names().get(_PART.sub(r"{\1}", rule))
    unknown = sorted(set(request.args) - known) if known is not None else []
    if unknown:
        name = unknown[0] if unknown[0].isascii() and unknown[0].isidentifier() else "A parameter"
        raise BadParameters(f"{name} is not known here; known are {', '.join(sorted(known or ())) or 'no parameters'}")


@cache
def _query_names() -> dict[str, frozenset[str]]:
    """Path -> the names that the query of its GET may have."""
    document = api_document()
    shared = document["components"]["parameters"]

    def name_of(one: dict[str, str]) -> tuple[str, str]:
        found = shared[one["$ref"].rpartition("/")[2]] if "$ref" in one else one
        return found["in"], found["name"]

    return {
        path: frozenset(name for place, name in map(name_of, item["get"].get("parameters", ())) if place == "query")
        for path, item in document["paths"].items()
        if "get" in item
    }


def _finish(response: Response, *, is_logged: bool) -> Response:
    this_request = _request()
    if response.status_code >= 400:
        sentry_errors.for_sentrys_tools(response)
    response.headers["X-Request-Id"] = g.get("request_id") or request_id_from(None)
    if this_request.method not in SAFE_METHODS:
        changes.note()
    if g.get("by_cookie"):  # a browser keeps answers by their URL: nobody who signs in there later may be shown them
        response.vary.add("Cookie")
        if response.headers.get("Cache-Control") != "no-store":
            response.headers["Cache-Control"] = "private, no-cache"
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    access_log.finish(this_request, response, is_logged=is_logged)
    return response


def _request() -> Request:
    """The request itself: every poll comes by here, and each look through Flask's stand-in costs as much as counting it."""
    found: Request = request._get_current_object()  # type: ignore[attr-defined]
    return found


def http_error(error: HTTPException) -> Response:
    """The framework's own errors in the contract's shape."""
    if isinstance(error, RoutingException):
        return error.get_response()  # type: ignore[return-value]
    status = error.code if error.code in STATUS_WORDS else 500 if (error.code or 500) >= 500 else 400
    assert status is not None
    response = answers.error_body(status, SENTENCES.get(status, "The request could not be understood"))
    if status == 405 and error.valid_methods:  # type: ignore[attr-defined]
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))  # type: ignore[attr-defined]
    return response


def _unexpected(error: Exception) -> Response:
    if outage := as_outage(error):
        log.warning("request_met_outage", error=type(error).__name__, endpoint=request.endpoint)
        return answers.error(outage)
    log.exception("request_broke", error=type(error).__name__, endpoint=request.endpoint)
    return answers.error_body(500, AppError.message)
