"""What every page of the console forbids its browser to do, and how it is sent."""

from flask import Response, request
from isal import igzip

PACKED_FROM = 1_400  # bytes; what is shorter takes one packet anyhow

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing inline, nothing from elsewhere, no frames: what a log holds can be shown and never run."""


def protect(response: Response) -> Response:
    """Set them; a page is kept by no cache, unless it says that it may be."""
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    # Not no-referrer, by which browsers send our own forms with `Origin: null`.
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers.setdefault("Cache-Control", "private, no-store")
    return _packed(response)


def _packed(response: Response) -> Response:
    """A page as gzip where it is taken; the CSRF token in it is masked, so that its length tells nothing."""
    is_page = (
        response.mimetype == "text/html" and not response.is_streamed and "Content-Encoding" not in response.headers
    )
    if not is_page or not request.accept_encodings["gzip"] or len(response.data) < PACKED_FROM:
        return response
    response.data = igzip.compress(response.data, mtime=0)
    response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    return response
