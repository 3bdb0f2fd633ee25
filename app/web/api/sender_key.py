"""What the endpoints for senders share: the key, wherever a library puts it, the app that it belongs to, the description."""

import re
from typing import Annotated, Any

from flask import request
from pydantic import Field

from app.db.hot.upload import Sender
from app.errors import Unauthorized
from app.identity import accounts
from app.web.api.openapi.words import Json
from app.web.auth import services

Project = Annotated[int, Field(ge=0, description="The number at the end of the app's DSN")]

_IN_HEADER = re.compile(r"\bsentry_key=([^,\s]+)")
_AS_TOKEN = ("token", "bearer")

KEYS: list[Json] = [{"senderKey": []}, {"sentryAuth": []}, {"basic": []}, {"bugsnagKey": []}]
ERRORS = (400, 401, 404, 413, 415, 429)
ANY_ORIGIN = (
    "Pages of any origin may send here: a preflight (`OPTIONS`) is answered for the headers that the libraries send."
)


def sender_key() -> str | None:
    """The key of a header or of the query; None without one.

    In `X-Sentry-Auth`, in `Authorization` as `Sentry …` or `Basic`, in `Bugsnag-Api-Key`, or as `sentry_key` or `apiKey` of
    the query.
    """
    for name in ("X-Sentry-Auth", "Authorization"):
        found = _IN_HEADER.search(request.headers.get(name, ""))
        if found:
            return found[1]
    given = request.authorization
    if given is not None and given.type == "basic":
        return given.password or given.username
    return request.headers.get("Bugsnag-Api-Key") or request.args.get("sentry_key") or request.args.get("apiKey")


def token_key() -> str | None:
    """The same as `Token` or `Bearer` in `Authorization`, which counts last: a client of the API has its own token there."""
    given = request.authorization
    return given.token if given is not None and given.type in _AS_TOKEN else None


def sender_of(project: int, key: str | None = None) -> Sender:
    """Who sends, by a key that is not in the body or by the one given; nothing is unpacked before it is checked.

    Raises Unauthorized or NotFound.
    """
    key = key or sender_key() or token_key()
    if not key:
        raise Unauthorized("The key is missing or unknown")
    return accounts.app_for_project(services(), project, key, "")


def sent(bodies: dict[str, Json], **more: Any) -> Json:
    """The fields of an operation that takes a body of one of these media types from a sender with an ingest key."""
    content = {media: {"schema": schema} for media, schema in bodies.items()}
    return {"security": KEYS, "requestBody": {"required": True, "content": content}, **more}


def an_object(example: Json) -> Json:
    """Any object, such as this one."""
    return {"type": "object", "examples": [example]}
