"""Pages for people: what the API tells, to look at. Each page is a module in pages/, found by listing that folder."""

import importlib
import pkgutil
from collections.abc import Callable
from typing import Protocol

import structlog
from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import RoutingException

from app import errors
from app.errors import AppError
from app.web import auth, csrf
from app.web.console import forms, headers, pages, static_files
from app.web.console.error_page import error_page
from app.web.console.page import NAV, SignInFirst, check_access, sign_in_redirect

log = structlog.get_logger()

OPEN_FORMS = ("console.sign_in.sign_in", "console.account_links.accept", "console.account_links.choose",
              "console.forgot_password.send", "console.unsubscribe.undo")  # fmt: skip
"""Forms that are sent without a session."""
SIGNED_FORM = "console.unsubscribe.end"  # its path is signed; mail programs send it, without cookies and origin
NOT_PAGES = ("/api", "/healthz", "/readyz", "/metrics")  # what programs ask, wherever it leads


class ConsolePage(Protocol):
    """A module in pages/; it may also offer NAV: Nav, its place in the header."""

    blueprint: Blueprint


def register(flask: Flask, otherwise: Callable[[HTTPException], Response]) -> None:
    """Mount every page. Unknown paths are answered with a page where people ask, by `otherwise` where programs do."""
    blueprint, found = Blueprint("console", __name__), _discover()
    for page in found:
        blueprint.register_blueprint(page.blueprint)
    blueprint.register_blueprint(static_files.blueprint)
    blueprint.before_request(_guard)
    blueprint.after_request(headers.protect)
    blueprint.register_error_handler(SignInFirst, sign_in_redirect)
    blueprint.register_error_handler(AppError, error_page)
    blueprint.register_error_handler(HTTPException, _http_error)
    blueprint.register_error_handler(Exception, _unexpected)
    flask.register_blueprint(blueprint)
    flask.extensions[NAV] = sorted((page.NAV for page in found if hasattr(page, "NAV")), key=lambda nav: nav.place)

    def unknown(error: HTTPException) -> Response:
        return headers.protect(_http_error(error)) if _is_for_people() else otherwise(error)

    flask.register_error_handler(NotFound, unknown)
    flask.register_error_handler(MethodNotAllowed, unknown)


def _discover() -> list[ConsolePage]:
    names = sorted(module.name for module in pkgutil.iter_modules(pages.__path__))
    return [importlib.import_module(f"{pages.__name__}.{name}") for name in names]


def _guard() -> None:
    """Take forms from our own pages only; all but those without one prove their session, too. Then check who may."""
    if request.method not in csrf.SAFE_METHODS and request.endpoint != SIGNED_FORM:
        auth.check_own_page(is_origin_required=request.endpoint in OPEN_FORMS)
        forms.bound_form()
        if request.endpoint not in OPEN_FORMS:
            auth.check_csrf(request.form.get(csrf.FIELD, ""))
    check_access()


def _is_for_people() -> bool:
    if any(request.path == path or request.path.startswith(f"{path}/") for path in NOT_PAGES):
        return False
    return (request.blueprint or "").startswith("console") or "text/html" in request.headers.get("Accept", "")


def _http_error(error: HTTPException) -> Response:
    if isinstance(error, RoutingException):
        return error.get_response()  # type: ignore[return-value]
    code = error.code or 500
    if code == 404:
        return error_page(errors.NotFound("There is no page at this address"))
    if code == 413:
        return error_page(errors.TooLarge())
    if code >= 500:
        return error_page(AppError())
    return error_page(errors.BadParameters(), status=code if code in errors.STATUS_WORDS else 400)


def _unexpected(error: Exception) -> Response:
    if outage := errors.as_outage(error):
        log.warning("page_met_outage", error=type(error).__name__, endpoint=request.endpoint)
        return error_page(outage)
    log.exception("page_broke", error=type(error).__name__, endpoint=request.endpoint)
    return error_page(AppError())
