"""Signing in and out: a session is a token, carried in a cookie."""

from flask import Blueprint, Response, redirect, request

from app.errors import TooManyRequests, Unauthorized
from app.identity import accounts
from app.identity.access import Access
from app.mail import can_send
from app.web import auth
from app.web.auth import services
from app.web.console.page import go, link, maybe_signed_in, own_path, render
from app.web.console.page_access import needs

blueprint = Blueprint("sign_in", __name__)


@blueprint.get("/sign-in")
@needs(Access.OPEN)
def show() -> Response:
    """The form; a signed-in user is redirected."""
    if maybe_signed_in():
        return _onward(request.args.get("next", ""))
    return _form(request.args.get("next", ""))


@blueprint.post("/sign-in")
@needs(Access.OPEN)
def sign_in() -> Response:
    """Begin a session, and end the one before."""
    email, wanted = request.form.get("email", "").strip(), request.form.get("next", "")
    try:
        token = accounts.log_in(services(), email, request.form.get("password", ""), request.remote_addr or "")
    except (Unauthorized, TooManyRequests) as error:
        response = _form(wanted, error.status, email[:254], error.message)
        if isinstance(error, TooManyRequests):
            response.headers["Retry-After"] = str(error.retry_after)
        else:
            response.headers["WWW-Authenticate"] = "Token"  # RFC 9110 wants one; no browser asks for a password by it
        return response
    if before := maybe_signed_in():
        accounts.log_out(services(), before.token)
    response = _onward(wanted)
    auth.keep_session(response, token)
    return response


@blueprint.get("/sign-out")
@needs(Access.OPEN)
def ask_to_sign_out() -> Response:
    """A page to confirm it, for the header's form needs none."""
    if maybe_signed_in() is None:
        return go("sign_in.show")
    return render("sign_out.html")


@blueprint.post("/sign-out")
@needs(Access.OPEN)
def sign_out() -> Response:
    """End the session: its token opens nothing from now on."""
    if who := maybe_signed_in():
        accounts.log_out(services(), who.token)
    response = go("sign_in.show", said="You are signed out.", mood="plain")
    auth.drop_session(response)
    return response


def _form(wanted: str, status: int = 200, email: str = "", problem: str | None = None) -> Response:
    config = services().config
    return render("sign_in.html", status=status, next=wanted, email=email, problem=problem,
                  can_mail=can_send(config), oidc=config.oidc)  # fmt: skip


def _onward(wanted: str) -> Response:
    response: Response = redirect(own_path(wanted) or link("apps.show"), 303)  # type: ignore[assignment]
    return response
