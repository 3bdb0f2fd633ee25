"""Pages of other origins: what those of an allow-list may use of the API, and where those of any origin may send."""

from flask import Flask, Response, request

ENDPOINTS = frozenset(
    {"senders.envelope", "senders.store", "bugsnag.notify", "bugsnag.sessions", "otlp.logs", "otlp.logs_by_key"}
)
"""Where libraries in web pages send, which know an ingest key: pages of any origin may, and no cookie is taken."""
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
ALLOWED = (
    "Authorization", "Content-Type", "Content-Encoding", "Prefer", "If-None-Match", "If-Range", "Range", "Last-Event-ID",
    "X-Request-Id",
)  # fmt: skip
"""Headers that a page may send."""
EXPOSED = (
    "Accept-Ranges", "Content-Disposition", "Content-Range", "ETag", "Link", "Location", "Preference-Applied", "Retry-After",
    "WWW-Authenticate", "X-Error-Code", "X-Progress", "X-Request-Id",
)  # fmt: skip
"""Headers that a page may read, beside those that every page may."""
MAX_AGE = 7_200  # seconds that a browser need not ask again; none keeps it for longer

_ANSWER = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "X-Sentry-Error, X-Sentry-Rate-Limits, Retry-After",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Content-Encoding, Authorization, X-Sentry-Auth, X-Requested-With, "
    "Origin, Accept, sentry-trace, baggage, Bugsnag-Api-Key, Bugsnag-Integrity, Bugsnag-Payload-Version, Bugsnag-Sent-At",
    "Access-Control-Max-Age": "86400",
}


def allow(flask: Flask, origins: tuple[str, ...]) -> None:
    """Let pages of these origins, if there are any, use what lies under /api with a token. No cookie is taken from them."""
    if not origins:
        return
    allowed = frozenset(origins)

    def preflight() -> Response | None:
        if request.method != "OPTIONS" or not _is_ours() or "Access-Control-Request-Method" not in request.headers:
            return None
        response = Response(status=204)
        if request.headers.get("Origin") in allowed:
            response.headers["Access-Control-Allow-Methods"] = METHODS
            response.headers["Access-Control-Allow-Headers"] = ", ".join(ALLOWED)
            response.headers["Access-Control-Max-Age"] = str(MAX_AGE)
        return response

    def mark(response: Response) -> Response:
        if not _is_ours():
            return response
        response.vary.add("Origin")  # also without one: a browser must not give this answer to a page from its cache
        origin = request.headers.get("Origin")
        if origin in allowed:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = ", ".join(EXPOSED)
        return response

    flask.before_request(preflight)
    flask.after_request(mark)


def _is_ours() -> bool:
    """False for pages, and for what libraries in web pages send, which any origin may."""
    return request.path.startswith("/api/") and request.endpoint not in ENDPOINTS


def share(response: Response) -> Response:
    """Let a page of any origin read the response, if it is of such an endpoint."""
    if request.endpoint in ENDPOINTS:
        response.headers.update(_ANSWER)
        if request.method == "OPTIONS":
            response.headers.update(_PREFLIGHT)
    return response
