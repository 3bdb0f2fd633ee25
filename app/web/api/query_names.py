"""The names that the query of a GET may have: those that the description of the API has for it.

A misspelt filter that is ignored gives everything, which looks like an answer.
"""

import re
from collections.abc import Callable
from functools import cache

from flask import Request, current_app

from app.errors import BadParameters
from app.web.api.docs import OPENAPI
from app.web.api.openapi.words import Json

LENIENT = frozenset(
    {
        "/api/crashes/<crash_identifier>/occurrences",  # clients of the vendor's two endpoints may send more
        "/api/crashes/<crash_identifier>/export_occurrences",
        "/api/downloads/<signed>",  # mail programs and chats add their own to links
    }
)
_PART = re.compile(r"<(?:\w+:)?(\w+)>")


def check_query_names(request: Request) -> None:
    """Of a GET with a query. Raises BadParameters naming the first parameter that the endpoint does not know."""
    if request.url_rule is None:
        return
    rule = request.url_rule.rule
    known = None if rule in LENIENT else _known(current_app.extensions[OPENAPI]).get(_PART.sub(r"{\1}", rule))
    unknown = sorted(set(request.args) - known) if known is not None else []
    if unknown:
        name = unknown[0] if unknown[0].isascii() and unknown[0].isidentifier() else "A parameter"
        raise BadParameters(f"{name} is not known here; known are {', '.join(sorted(known or ())) or 'no parameters'}")


@cache
def _known(openapi: Callable[[], Json]) -> dict[str, frozenset[str]]:
    """Path -> the names of its GET."""
    document = openapi()
    shared = document["components"]["parameters"]

    def name_of(one: dict[str, str]) -> tuple[str, str]:
        found = shared[one["$ref"].rpartition("/")[2]] if "$ref" in one else one
        return found["in"], found["name"]

    return {
        path: frozenset(name for place, name in map(name_of, item["get"].get("parameters", ())) if place == "query")
        for path, item in document["paths"].items()
        if "get" in item
    }
