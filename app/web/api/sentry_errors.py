"""Errors for Sentry's tools, which show the sentence of a body `{"detail": …}` and take any other body for a riddle.

Every other client gets the error body of the API, also below `/api/0/`.
"""

import json
import re

from flask import Response, request

UPLOADS = "/api/0/"
TOOLS = "sentry-cli/"  # how the User-Agent of sentry-cli begins, which the build plugins start
_PATHS = re.compile(r"/api/[0-9]+/")  # of the upload API, and of the senders: a DSN's number
_NOT_SUPPORTED = re.compile(
    r"/api/0/(?:organizations/[^/]+|projects/[^/]+/[^/]+)/(?:files/)?"
    r"(?P<what>issues|events|monitors|code-mappings|preprodartifacts|source-maps)(?:/|$)"
)
_INSTEAD = {
    "issues": "Issues are crashes here: read and change them in the console or by `crashq remote`",
    "events": "Events and logs are not listed for sentry-cli: read occurrences in the console or by `crashq remote`",
    "monitors": "Monitors are not supported",
    "code-mappings": "Code mappings are not supported",
    "preprodartifacts": "Builds and snapshots are not supported",
    "source-maps": "Files of a release are not kept; source maps are removed as symbols, in the console or by the API",
}
"""What a command asks for that has no address here -> what it is answered."""


def for_sentrys_tools(response: Response) -> None:
    """Give an error the shape that sentry-cli shows, where that tool gets it."""
    if not _PATHS.match(request.path):
        return
    if request.path.startswith(UPLOADS):
        response.vary.add("User-Agent")
    if not response.is_json or not request.user_agent.string.startswith(TOOLS):
        return
    detail = response.get_json().get("error_message")
    asked = _NOT_SUPPORTED.match(request.path)
    if response.status_code == 404 and request.url_rule is None and asked:
        response.status_code = 400  # of a 404 sentry-cli says that organization or project are not there
        detail = _INSTEAD[asked["what"]]
    response.set_data(json.dumps({"detail": detail}, separators=(",", ":"), ensure_ascii=False))
