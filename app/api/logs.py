"""Takes an uploaded crash log, and tells what became of it."""

from flask import Blueprint, Response, request

from app import accounts
from app.api import answers
from app.api.body import unpacked_body
from app.auth import services, token, user_id
from app.ingest.log_id import is_log_id
from app.ingest.receive import receive
from app.ingest.status import log_state

blueprint = Blueprint("logs", __name__, url_prefix="/api")


@blueprint.post("/apps/<app_identifier>/logs")
def upload(app_identifier: str) -> Response:
    """Store one log for digestion; 202 once its bytes and its row are durable."""
    name = request.args.get("log_id")
    app = accounts.app_for_sender(services(), app_identifier, token(), name if name and is_log_id(name) else "")
    log_id = receive(services(), app, name, unpacked_body())
    return answers.success({"log_id": log_id, "status": "received"}, 202)


@blueprint.get("/apps/<app_identifier>/logs/<log_id>")
def show(app_identifier: str, log_id: str) -> Response:
    """How far a log's digestion has come, and which occurrences were found in it."""
    app = accounts.app_for_user(services(), app_identifier, user_id())
    state = log_state(services(), app, log_id)
    return answers.success(
        {
            "log_id": state.log.log_id,
            "date": state.date,
            "status": state.log.status.value,
            "error_message": state.log.error_message,
            "occurrences": [{"id": name, "crash_identifier": crash} for name, crash in state.occurrences],
        }
    )
