"""The key that crash reporting libraries send, wherever they put it, and the app that it belongs to."""

import re
from typing import Annotated

from flask import request
from pydantic import Field

from app.db.hot.upload import Sender
from app.errors import Unauthorized
from app.identity import accounts
from app.web.auth import services

Project = Annotated[int, Field(ge=0, description="The number at the end of the app's DSN")]

_IN_HEADER = re.compile(r"\bsentry_key=([^,\s]+)")
_AS_TOKEN = ("token", "bearer")


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
