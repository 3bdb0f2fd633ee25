"""Protection from cross-site request forgery: CSRF tokens, bound to a session, and the origin that a browser names."""

import hashlib
import hmac
import re
import secrets
from urllib.parse import urlsplit

from flask import request

from app.errors import Unauthorized

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing (RFC 9110, section 9.2.1)."""

HEADER, FIELD = "X-CSRF-Token", "csrf"
LENGTH = 32  # bytes of the digest, and of the mask before it
SHAPE = re.compile(rf"[0-9a-f]{{{4 * LENGTH}}}")


class ForeignPage(Unauthorized):
    """A request that a browser sent with our cookie and that no page of ours has asked for, or one that is out of date."""

    code, message = (
        "foreign_page",
        "This request did not come from a page of this console; reload the page and try again",
    )


def csrf_token(secret_key: str, session_token: str) -> str:
    """A CSRF token as hex: it proves that a page is ours, and is bound to the session and to nothing else.

    The token differs each time, so that the length of a compressed page tells nothing of it.
    """
    mask = secrets.token_bytes(LENGTH)
    return mask.hex() + _masked(_digest(secret_key, session_token), mask).hex()


def check_csrf(secret_key: str, session_token: str | None, given: str) -> None:
    """Raises ForeignPage unless `given` is a CSRF token of the session."""
    if session_token is None or not SHAPE.fullmatch(given):
        raise ForeignPage
    mask, masked = bytes.fromhex(given[: 2 * LENGTH]), bytes.fromhex(given[2 * LENGTH :])
    if not hmac.compare_digest(_digest(secret_key, session_token), _masked(masked, mask)):
        raise ForeignPage


def check_own_page(public_url: str | None, *, is_origin_required: bool = False) -> None:
    """Raises ForeignPage when the browser names another origin for the request, or with `is_origin_required` none."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if origin is not None and origin not in _own_origins(public_url):
        raise ForeignPage
    if site not in (None, "same-origin") or (is_origin_required and origin is None and site is None):
        raise ForeignPage


def _digest(secret_key: str, session_token: str) -> bytes:
    text = b"crashq csrf\n" + session_token.encode(errors="replace")
    return hmac.new(secret_key.encode(), text, hashlib.sha256).digest()


def _masked(text: bytes, mask: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(text, mask, strict=True))


def _own_origins(public_url: str | None) -> tuple[str, ...]:
    public = urlsplit(public_url or "")
    here = f"{request.scheme}://{request.host}"
    return (here, f"{public.scheme}://{public.netloc}") if public.netloc else (here,)
