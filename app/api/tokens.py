"""Personal keys of a user: for scripts, which then need no password. When one was last used is noted, to the hour."""

from contextlib import suppress
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, current_app, request

from app import iso_time, keys
from app.accounts import hash_of
from app.api import answers
from app.api.context import services, token, user_id
from app.api.page_window import link_next, window
from app.api.request_values import json_object
from app.db.token import Token
from app.errors import TransientError
from app.parameters import read_params

NOTED = "crashq.noted_keys"
MOST_NOTED = 10_000  # keys of which a process remembers when it noted them; then it forgets all

blueprint = Blueprint("tokens", __name__, url_prefix="/api/tokens")


@blueprint.get("")
def list_all() -> Response:
    """The user's keys that have not run out, newest first."""
    user, query = user_id(), request.args.to_dict()
    limit, offset = window(query)
    rows = keys.personal_keys(services(), user, limit, offset)
    return link_next(answers.success([_to_json(key) for key in rows[: limit - 1]]), rows, query)


@blueprint.post("")
def add() -> Response:
    """Make a key; only this answer holds its text."""
    user, wanted = user_id(), read_params(keys.NewKey, json_object())
    made, text = keys.add_personal_key(services(), user, wanted, shown=token())
    response = answers.success({**_to_json(made), "token": text}, 201)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.delete("/<key_identifier>")
def revoke(key_identifier: str) -> Response:
    """End a key at once."""
    keys.revoke_personal_key(services(), user_id(), key_identifier)
    return answers.bare_success()


@blueprint.after_app_request
def note_use(response: Response) -> Response:
    """Record that a personal key opened something."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    value = value.strip()
    if scheme.lower() != "token" or not value.startswith(keys.PREFIX) or response.status_code >= 400:
        return response
    noted: dict[str, datetime] = current_app.extensions.setdefault(NOTED, {})
    now = services().now()
    hashed = hash_of(value)
    before = noted.get(hashed)
    if before is None or now - before >= keys.NOTED_EVERY:
        if len(noted) >= MOST_NOTED:
            noted.clear()
        noted[hashed] = now
        with suppress(TransientError):
            keys.note_personal_key(services(), hashed)
    return response


def _to_json(key: Token) -> dict[str, Any]:
    return {
        "identifier": key.identifier,
        "name": key.name,
        "created_at": iso_time.rfc3339(key.created_at),
        "expires_at": iso_time.rfc3339(key.expires_at),
        "last_used_at": key.last_used_at and iso_time.rfc3339(key.last_used_at),
    }
