"""Authentication of a request: by the token in its header, or by the cookie of a browser's session and its CSRF token."""

import re
from contextlib import suppress
from datetime import datetime, timedelta

from flask import Response, current_app, g, request

from app.errors import TransientError, Unauthorized
from app.identity import accounts, keys
from app.services import Services
from app.symbolication.chunks import Uploader
from app.web import csrf

EXTENSION = "crashq"
NOTED = "crashq.noted_keys"  # extension: hash of a personal key -> when this process noted its use
MOST_NOTED = 10_000  # then it forgets all

COOKIE = "crashq"
SECURE_COOKIE = "__Host-crashq"  # a browser takes this name over https only, and from no other host of the domain
_RAILS = re.compile(r'token="?([^",;\s]*)"?(?:[,;].*)?')


def services() -> Services:
    """The services this application was made with."""
    found: Services = current_app.extensions[EXTENSION]
    return found


def header_token() -> str | None:
    """The token of `Authorization: Token <auth_token>`, `Bearer <auth_token>` or `Token token="<auth_token>"`; else None."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() not in ("token", "bearer"):
        return None
    value = value.strip()
    quoted = _RAILS.fullmatch(value)
    return quoted[1] if quoted else value


def token() -> str:
    """The token of the header, else that of the session's cookie, for requests to the API.

    Raises Unauthorized when there is none, and ForeignPage for a cookie that another site's page makes a browser send.
    """
    sent = header_token()
    if sent is not None:
        if not sent:
            raise Unauthorized
        return sent
    held = session_token()
    if held is None:
        raise Unauthorized
    if request.method in csrf.SAFE_METHODS:
        if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            raise csrf.ForeignPage
    else:
        check_own_page()
        check_csrf(request.headers.get(csrf.HEADER, ""))
    g.by_cookie = True  # its answer is for this session only: see `app.web.api`
    return held


def base_url() -> str:
    """Where clients reach us, without a slash at the end: links that leave the server begin so."""
    return services().config.public_url or request.url_root.rstrip("/")


def user_id() -> int:
    """The user whose token came with the request. Raises Unauthorized."""
    return accounts.user_of(services(), token())


def uploader() -> Uploader:
    """Who sends symbols: the member or the app whose token came with the request. Raises Unauthorized."""
    return keys.uploader_of(services(), token())


def session_token() -> str | None:
    """The token in the cookie, if there is one; it has not been checked. A personal key is no session."""
    held = request.cookies.get(_cookie_name(), "")
    return None if accounts.is_personal_key(held) else held or None


def csrf_token(token: str) -> str:
    """The CSRF token that the pages of a session send with their forms, as hex; see `csrf.csrf_token`."""
    return csrf.csrf_token(services().config.secret_key, token)


def check_csrf(given: str) -> None:
    """Raises ForeignPage unless this is a CSRF token of the session in the request's cookie."""
    csrf.check_csrf(services().config.secret_key, session_token(), given)


def check_own_page(*, is_origin_required: bool = False) -> None:
    """Raises ForeignPage when the browser names another origin, or with `is_origin_required` none; see `csrf`."""
    csrf.check_own_page(services().config.public_url, is_origin_required=is_origin_required)


def note_use(response: Response) -> Response:
    """Record when a personal key last opened something, to the hour."""
    value = header_token() or ""
    if not accounts.is_personal_key(value) or response.status_code >= 400:
        return response
    noted: dict[str, datetime] = current_app.extensions.setdefault(NOTED, {})
    now = services().now()
    hashed = accounts.hash_of(value)
    before = noted.get(hashed)
    if before is None or now - before >= keys.NOTED_EVERY:
        if len(noted) >= MOST_NOTED:
            noted.clear()
        noted[hashed] = now
        with suppress(TransientError):
            keys.note_personal_key(services(), hashed)
    return response


def keep_session(response: Response, token: str) -> None:
    """Give a browser the cookie of a session, for as long as its token lasts."""
    lifetime = timedelta(seconds=services().config.token_lifetime)
    response.set_cookie(
        _cookie_name(), token, max_age=lifetime, secure=is_secure(), httponly=True, samesite="Lax", path="/"
    )


def drop_session(response: Response) -> None:
    """Delete the cookie."""
    response.delete_cookie(_cookie_name(), secure=is_secure(), httponly=True, samesite="Lax", path="/")


def is_secure() -> bool:
    """True when browsers reach us over https, as a trusted proxy or the public URL says."""
    return request.is_secure or (services().config.public_url or "").startswith("https://")


def _cookie_name() -> str:
    return SECURE_COOKIE if is_secure() else COOKIE
