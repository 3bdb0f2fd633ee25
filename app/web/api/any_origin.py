"""Endpoints that pages of any origin may send to: libraries in web pages know an ingest key, and no cookie is taken."""

from flask import Response, request

ENDPOINTS = frozenset(
    {"senders.envelope", "senders.store", "bugsnag.notify", "bugsnag.sessions", "otlp.logs", "otlp.logs_by_key"}
)

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


def share(response: Response) -> Response:
    """Let a page of any origin read the response, if it is of such an endpoint."""
    if request.endpoint in ENDPOINTS:
        response.headers.update(_ANSWER)
        if request.method == "OPTIONS":
            response.headers.update(_PREFLIGHT)
    return response
