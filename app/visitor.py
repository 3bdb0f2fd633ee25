"""Who sends a request: by the token in its header, or by the cookie of a console's session and the proofs that it needs."""

import hashlib
import hmac
import re
import secrets
from datetime import timedelta
from urllib.parse import urlsplit

from flask import Response, current_app, g, request

from app import accounts
from app.errors import Unauthorized
from app.services import Services

EXTENSION = "crashq"
READING = ("GET", "HEAD", "OPTIONS")

COOKIE = "crashq"
SECURE_COOKIE = "__Host-crashq"  # a browser takes this name over https only, and from no other host of the domain
CSRF_HEADER, CSRF_FIELD = "X-CSRF-Token", "csrf"
PROOF = 32  # bytes
CSRF_SHAPE = re.compile(rf"[0-9a-f]{{{4 * PROOF}}}")


class ForeignPage(Unauthorized):
    """A request that a browser sent with our cookie and that no page of ours has asked for, or one that is out of date."""

    code, message = (
        "foreign_page",
        "This request did not come from a page of this console; reload the page and try again",
    )


def services() -> Services:
    """The services this application was made with."""
    found: Services = current_app.extensions[EXTENSION]
    return found


def token() -> str:
    """The token of `Authorization: Token <auth_token>`, else that of the session's cookie, for requests to the API.

    Raises Unauthorized when there is none, and ForeignPage for a cookie that another site's page makes a browser send.
    """
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "token":
        if not value.strip():
            raise Unauthorized
        return value.strip()
    held = session_token()
    if held is None:
        raise Unauthorized
    if request.method in READING:
        if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            raise ForeignPage
    else:
        check_own_page()
        check_csrf(request.headers.get(CSRF_HEADER, ""))
    g.by_cookie = True  # its answer is for this session only: see `app.api`
    return held


def user_id() -> int:
    """The user whose token came with the request. Raises Unauthorized."""
    return accounts.user_of(services(), token())


def session_token() -> str | None:
    """The token in the cookie, if there is one; whether it is good has not been looked at."""
    return request.cookies.get(_cookie_name()) or None


def csrf_token(token: str) -> str:
    """What a page of this session shows to prove that it is ours: hex, bound to the session and to nothing else.

    Another text each time, so that the length of a packed page tells nothing of it.
    """
    mask = secrets.token_bytes(PROOF)
    return mask.hex() + _masked(_proof(token), mask).hex()


def check_csrf(given: str) -> None:
    """Raises ForeignPage unless it is the proof of the session in the request's cookie."""
    held = session_token()
    if held is None or not CSRF_SHAPE.fullmatch(given):
        raise ForeignPage
    mask, masked = bytes.fromhex(given[: 2 * PROOF]), bytes.fromhex(given[2 * PROOF :])
    if not hmac.compare_digest(_proof(held), _masked(masked, mask)):
        raise ForeignPage


def check_own_page(*, must_tell: bool = False) -> None:
    """Raises ForeignPage when the browser says that another origin's page sends this, or with `must_tell` does not say."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if origin is not None and origin not in _own_origins():
        raise ForeignPage
    if site not in (None, "same-origin") or (must_tell and origin is None and site is None):
        raise ForeignPage


def keep_session(response: Response, token: str) -> None:
    """Give a browser the cookie of a session, for as long as its token lasts."""
    lifetime = timedelta(seconds=services().config.token_lifetime)
    response.set_cookie(
        _cookie_name(), token, max_age=lifetime, secure=is_secure(), httponly=True, samesite="Lax", path="/"
    )


def drop_session(response: Response) -> None:
    """Take the cookie back."""
    response.delete_cookie(_cookie_name(), secure=is_secure(), httponly=True, samesite="Lax", path="/")


def is_secure() -> bool:
    """True when browsers reach us over https, as a trusted proxy or the public URL says."""
    return request.is_secure or (services().config.public_url or "").startswith("https://")


def _proof(token: str) -> bytes:
    secret = services().config.secret_key.encode()
    return hmac.new(secret, b"crashq csrf\n" + token.encode(errors="replace"), hashlib.sha256).digest()


def _masked(text: bytes, mask: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(text, mask, strict=True))


def _cookie_name() -> str:
    return SECURE_COOKIE if is_secure() else COOKIE


def _own_origins() -> tuple[str, ...]:
    public = urlsplit(services().config.public_url or "")
    here = f"{request.scheme}://{request.host}"
    return (here, f"{public.scheme}://{public.netloc}") if public.netloc else (here,)
