"""Ingest keys of an app, with the DSN of each. Members only."""

from typing import Any

from flask import Blueprint, Response, request

from app import accounts, iso_time, keys
from app.api import answers
from app.api.context import services, user_id
from app.api.request_values import json_object
from app.parameters import read_params

blueprint = Blueprint("keys", __name__, url_prefix="/api/apps/<app_identifier>/keys")


@blueprint.get("")
def list_all(app_identifier: str) -> Response:
    """The keys of the app, oldest first; there are few."""
    app = accounts.app_for_user(services(), app_identifier, user_id())
    return answers.success([_to_json(key) for key in keys.ingest_keys(services(), app, request.url_root)])


@blueprint.post("")
def add(app_identifier: str) -> Response:
    """Make one more key."""
    app = accounts.app_for_user(services(), app_identifier, user_id())
    wanted = read_params(keys.NewIngestKey, json_object())
    return answers.success(_to_json(keys.add_ingest_key(services(), app, wanted, request.url_root)), 201)


@blueprint.delete("/<key_identifier>")
def revoke(app_identifier: str, key_identifier: str) -> Response:
    """Let nobody send with a key any more."""
    app = accounts.app_for_user(services(), app_identifier, user_id())
    keys.revoke_ingest_key(services(), app, key_identifier)
    return answers.bare_success()


def _to_json(key: keys.ShownKey) -> dict[str, Any]:
    return {**key._asdict(), "created_at": iso_time.rfc3339(key.created_at)}
