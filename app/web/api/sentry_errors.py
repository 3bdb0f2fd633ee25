"""Errors for Sentry's tools, which show the sentence of a body `{"detail": …}` and take any other body for a riddle.

Every other client gets the error body of the API, also below `/api/0/`.
"""

import json

from flask import Response, request

PREFIX = "/api/0/"
TOOLS = "sentry-cli/"  # how the User-Agent of sentry-cli begins, which the build plugins start


def for_sentrys_tools(response: Response) -> Response:
    """An error of the upload API as sentry-cli shows it; any other response as it is."""
    if not request.path.startswith(PREFIX):
        return response
    response.vary.add("User-Agent")
    if response.status_code >= 400 and response.is_json and request.user_agent.string.startswith(TOOLS):
        told = response.get_json().get("error_message")
        response.set_data(json.dumps({"detail": told}, separators=(",", ":"), ensure_ascii=False))
    return response
