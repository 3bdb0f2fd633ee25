"""Signing in by the operator's OpenID provider: to its page, and back with a session."""

from dataclasses import asdict

from flask import Blueprint, Response, redirect, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from app.errors import NotFound, TransientError, Unauthorized
from app.identity import accounts, openid
from app.identity.access import Access
from app.oidc_settings import OidcProvider
from app.web import auth
from app.web.auth import services
from app.web.console.page import go, link, maybe_signed_in, own_path
from app.web.console.page_access import needs

blueprint = Blueprint("openid", __name__)

COOKIE, SECURE_COOKIE, SALT, WITHIN = "crashq_openid", "__Host-crashq_openid", "crashq openid", 600  # seconds


@blueprint.get("/sign-in/openid")
@needs(Access.OPEN)
def begin() -> Response:
    """Lead to the provider. What its answer is checked by waits in a signed cookie of this browser."""
    provider, wanted = _provider(), own_path(request.args.get("next", "")) or ""
    try:
        url, pending = openid.begin(provider, _callback())
    except (Unauthorized, TransientError) as error:
        return go("sign_in.show", f"{error.message}.", "bad", next=wanted)
    response: Response = redirect(url, 303)  # type: ignore[assignment]
    kept = _signed().dumps([asdict(pending), wanted])
    response.set_cookie(
        _cookie(), kept, max_age=WITHIN, secure=auth.is_secure(), httponly=True, samesite="Lax", path="/"
    )
    return response


@blueprint.get("/sign-in/openid/callback")
@needs(Access.OPEN)
def finish() -> Response:
    """Begin a session for whom the provider tells of, once for each beginning."""
    provider, wanted = _provider(), ""
    try:
        kept, wanted = _signed().loads(request.cookies.get(_cookie(), ""), max_age=WITHIN)
        token = openid.finish(services(), provider, openid.Pending(**kept), request.args, _callback())
    except BadSignature:
        return _ended(go("sign_in.show", "This sign-in was not begun here, or has ended; begin again.", "bad"))
    except (Unauthorized, TransientError) as error:
        return _ended(go("sign_in.show", f"{error.message}.", "bad", next=wanted))
    if before := maybe_signed_in():
        accounts.log_out(services(), before.token)
    response: Response = redirect(wanted or link("apps.show"), 303)  # type: ignore[assignment]
    auth.keep_session(response, token)
    return _ended(response)


def _provider() -> OidcProvider:
    found = services().config.oidc
    if found is None:
        raise NotFound
    return found


def _callback() -> str:
    return f"{services().config.public_url}/sign-in/openid/callback"


def _ended(response: Response) -> Response:
    response.delete_cookie(_cookie(), secure=auth.is_secure(), httponly=True, samesite="Lax", path="/")
    return response


def _cookie() -> str:
    return SECURE_COOKIE if auth.is_secure() else COOKIE


def _signed() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(services().config.secret_key, salt=SALT)
