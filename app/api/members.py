"""Members of an app. Any of them may add and remove others."""

from flask import Blueprint, Response, request

from app import accounts, members
from app.api import answers
from app.api.context import services, user_id
from app.api.page_window import link_next, window
from app.api.request_values import json_object
from app.errors import BadParameters

blueprint = Blueprint("members", __name__, url_prefix="/api/apps/<app_identifier>/members")


@blueprint.get("")
def list_all(app_identifier: str) -> Response:
    """Who may see the app, by e-mail."""
    app = accounts.app_for_user(services(), app_identifier, user_id())
    query = request.args.to_dict()
    limit, offset = window(query)
    rows = members.list_members(services(), app, limit, offset)
    return link_next(answers.success([{"email": email} for email in rows[: limit - 1]]), rows, query)


@blueprint.post("")
def add(app_identifier: str) -> Response:
    """Let a user see the app."""
    app = accounts.app_for_user(services(), app_identifier, user_id())
    body = json_object()
    if set(body) != {"email"} or not isinstance(body["email"], str):
        raise BadParameters('The body has to be JSON: {"email":"…"}')
    return answers.success({"email": members.add(services(), app, body["email"])}, 201)


@blueprint.delete("/<path:email>")
def remove(app_identifier: str, email: str) -> Response:
    """Let a member see the app no more."""
    app = accounts.app_for_user(services(), app_identifier, user_id())
    members.remove(services(), app, email)
    return answers.bare_success()
