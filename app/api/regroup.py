"""Grouping an app's stored logs anew: how far it is, and to begin it. Any member of the app may."""

from flask import Blueprint, Response, url_for

from app import accounts, iso_time
from app.api import answers
from app.api.context import services, user_id
from app.api.request_values import json_object
from app.db.regrouping import Regrouping, latest_regrouping
from app.errors import BadParameters
from app.ingest.regrouping import begin_regrouping

blueprint = Blueprint("regroup", __name__, url_prefix="/api")

LOOK_AGAIN = "2"  # seconds


@blueprint.get("/apps/<app_identifier>/regroup")
def show_regrouping(app_identifier: str) -> Response:
    """The regrouping under way, else the latest one, else null."""
    app = accounts.app_for_user(services(), app_identifier, user_id())
    with services().db.read() as session:
        row = latest_regrouping(session, app.id)
        return _regrouping_response(row, 200)


@blueprint.post("/apps/<app_identifier>/regroup")
def regroup(app_identifier: str) -> Response:
    """Begin one, or join the one under way, which goes on where it stands unless it is to be done anew."""
    app = accounts.app_for_user(services(), app_identifier, user_id())
    fields = json_object()
    anew = fields.pop("anew", False)
    if fields or not isinstance(anew, bool):
        raise BadParameters("The body is empty or holds anew: true or false")
    begin_regrouping(services(), app.id, anew=anew)
    with services().db.read() as session:
        response = _regrouping_response(latest_regrouping(session, app.id), 202)
    response.headers["Location"] = url_for("regroup.show_regrouping", app_identifier=app_identifier)
    return response


def _regrouping_response(row: Regrouping | None, status: int) -> Response:
    if row is None:
        return answers.success(None, status)
    total = max(row.total, row.done)
    state = "finished" if row.finished_at else "running" if row.lease_expires_at else "waiting"
    response = answers.success(
        {
            "state": state,
            "rules": row.rules or None,
            "progress": {"done": row.done, "total": total, "unit": "logs"},
            "moved": row.moved,
            "unreadable": row.unreadable,
            "created_at": iso_time.rfc3339(row.created_at),
            "finished_at": iso_time.rfc3339(row.finished_at) if row.finished_at else None,
        },
        status,
    )
    if row.finished_at is None:
        response.headers["Retry-After"] = LOOK_AGAIN
        response.headers["X-Progress"] = f"{row.done}/{total} logs"
    return response
