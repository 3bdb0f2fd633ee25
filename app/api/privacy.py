"""Settings of an app, and the erasure of one of its users. Any member of the app may do all of it."""

from flask import Blueprint, Response, request, url_for

from app import accounts, iso_time
from app.api import answers
from app.api.context import services, user_id
from app.api.page_window import link_next, window
from app.api.request_values import json_object
from app.db.erasure import Erasure, ErasureState
from app.errors import BadParameters
from app.privacy.erasing import begin_erasure, list_erasures, show_erasure
from app.privacy.settings import change_settings, settings_of
from app.redaction.rules import read_rules

blueprint = Blueprint("privacy", __name__, url_prefix="/api")

YES_OR_NO = {"true": True, "1": True, "false": False, "0": False}


@blueprint.get("/apps/<app_identifier>/settings")
def show_settings(app_identifier: str) -> Response:
    """How long things are kept, and what is taken out of reports."""
    app = accounts.app_for_user(services(), app_identifier, user_id())
    return answers.success(settings_of(services(), app.id))


@blueprint.patch("/apps/<app_identifier>/settings")
def patch_settings(app_identifier: str) -> Response:
    """Set what the body names and leave the rest."""
    app = accounts.app_for_user(services(), app_identifier, user_id())
    return answers.success(change_settings(services(), app, json_object()))


@blueprint.post("/apps/<app_identifier>/settings/try")
def try_rules(app_identifier: str) -> Response:
    """What rules would make of a text; nothing is set."""
    accounts.app_for_user(services(), app_identifier, user_id())
    body = json_object()
    if not isinstance(body.get("text"), str) or set(body) - {"text", "redaction"}:
        raise BadParameters('The body has to be JSON: {"redaction":{…},"text":"…"}')
    return answers.success({"text": read_rules(body.get("redaction")).text(body["text"])})


@blueprint.delete("/apps/<app_identifier>/users/<path:user_id_in_app>")
def erase_user(app_identifier: str, user_id_in_app: str) -> Response:
    """Begin the erasure of a user, or join the one under way; 202 once it is recorded."""
    user = user_id()
    app = accounts.app_for_user(services(), app_identifier, user)
    scan = request.args.get("scan")
    if scan is not None and scan not in YES_OR_NO:
        raise BadParameters("scan is true or false")
    begun = begin_erasure(
        services(), app, user_id_in_app, scan=YES_OR_NO[scan] if scan is not None else None, asked_by=user
    )
    response = answers.success(_to_json(begun, app_identifier), 202)
    response.headers["Location"] = _address(begun, app_identifier)
    response.headers["Retry-After"] = "1"
    return response


@blueprint.get("/apps/<app_identifier>/erasures")
def erasures(app_identifier: str) -> Response:
    """The erasures of an app, newest first."""
    app = accounts.app_for_user(services(), app_identifier, user_id())
    query = request.args.to_dict()
    limit, offset = window(query)
    rows = list_erasures(services(), app, limit, offset)
    return link_next(answers.success([_to_json(one, app_identifier) for one in rows[: limit - 1]]), rows, query)


@blueprint.get("/apps/<app_identifier>/erasures/<erasure_id>")
def erasure(app_identifier: str, erasure_id: str) -> Response:
    """How far an erasure has come."""
    app = accounts.app_for_user(services(), app_identifier, user_id())
    found = show_erasure(services(), app, erasure_id)
    response = answers.success(_to_json(found, app_identifier))
    if found.state == ErasureState.LIVE:
        response.headers["Retry-After"] = "1"
        response.headers["X-Progress"] = f"{found.done}/{max(found.total, found.done)} logs"
    return response


def _address(one: Erasure, app_identifier: str) -> str:
    return url_for("privacy.erasure", app_identifier=app_identifier, erasure_id=one.id)


def _to_json(one: Erasure, app_identifier: str) -> dict[str, object]:
    """Never the user id: only that somebody with the service's secret can tell whose it was."""
    return {
        "erasure_id": one.id,
        "status_url": _address(one, app_identifier),
        "user_hash": one.user_hash,
        "state": one.state.value,
        "step": one.step or None,
        "scan": one.scan,
        "progress": {"done": one.done, "total": max(one.total, one.done), "unit": "logs"},
        "removed": {"logs": one.logs, "occurrences": one.occurrences, "jobs": one.jobs},
        "created_at": iso_time.rfc3339(one.created_at),
        "finished_at": iso_time.rfc3339(one.finished_at) if one.finished_at else None,
        "error_code": one.error_code,
    }
