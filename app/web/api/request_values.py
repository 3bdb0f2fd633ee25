"""The values of a POST: the query of its URL and its JSON body together, each name with one value or several."""

import json
from typing import Any

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from app.errors import BadParameters

MAX_BODY = 64 * 1024  # bytes; thousands of filter values
NOT_AN_OBJECT = "The body is not a JSON object of texts, numbers and lists of these"


def request_values() -> dict[str, str]:
    """Name -> its values, one to a line. Raises BadParameters when the body is anything but a flat JSON object."""
    found = {name: list(values) for name, values in request.args.lists()}
    for name, value in json_object().items():
        values = value if isinstance(value, list) else [value]
        found.setdefault(name, []).extend(_text(one) for one in values if one is not None)
    for name, values in found.items():
        if any(ord(sign) < 32 or "\ud800" <= sign <= "\udfff" for value in values for sign in value):
            raise BadParameters(f"{_printable(name)} holds a control character")
    return {name: "\n".join(values) for name, values in found.items()}


def json_object(max_body: int = MAX_BODY) -> dict[str, Any]:
    """The body, which is a JSON object of at most so many bytes; no body is an empty one. Raises BadParameters."""
    if (request.content_length or 0) > max_body:
        raise RequestEntityTooLarge
    raw = request.stream.read(max_body + 1)
    if len(raw) > max_body:
        raise RequestEntityTooLarge
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise BadParameters(NOT_AN_OBJECT) from None
    if not isinstance(body, dict):
        raise BadParameters(NOT_AN_OBJECT)
    return body


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadParameters(NOT_AN_OBJECT)
    return str(value)


def _printable(name: str) -> str:
    return name if name.isascii() and name.isidentifier() else "A name"
