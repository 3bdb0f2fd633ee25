"""Logs of an app, listed; a rejected one digested again; the bytes of one. Members only."""

from typing import Any

from flask import Blueprint, Response, request
from werkzeug.http import dump_options_header

from app import accounts, iso_time
from app.api import answers
from app.api.context import services, user_id
from app.api.page_window import link_after, window
from app.cursors import cursor, read_cursor
from app.db.log_list import ListedLog
from app.ingest.again import digest_again
from app.ingest.status import log_page, log_state
from app.privacy.raw_log import raw_log

blueprint = Blueprint("log_lists", __name__, url_prefix="/api/apps/<app_identifier>/logs")


@blueprint.get("")
def list_logs(app_identifier: str) -> Response:
    """The logs of the app, newest first; those whose names begin with `log_id`, by name."""
    app = accounts.app_for_user(services(), app_identifier, user_id())
    query = request.args.to_dict()
    limit, _ = window(query)
    after = read_cursor(query["after"]) if query.get("after") else None
    rows = log_page(services(), app, limit, status=query.get("status", ""), prefix=query.get("log_id", ""), after=after)
    page = rows[: limit - 1]
    response = answers.success([_to_json(one) for one in page])
    return (
        link_after(response, cursor(page[-1].received_at, page[-1].log_id), query) if len(rows) == limit else response
    )


@blueprint.post("/<log_id>/digest")
def digest(app_identifier: str, log_id: str) -> Response:
    """Let a rejected log wait for its digestion anew."""
    app = accounts.app_for_user(services(), app_identifier, user_id())
    digest_again(services(), app, log_id)
    state = log_state(services(), app, log_id)
    return answers.success({"log_id": log_id, "status": state.log.status.value}, 202)


@blueprint.get("/<log_id>/raw")
def raw(app_identifier: str, log_id: str) -> Response:
    """The bytes as they were sent."""
    app = accounts.app_for_user(services(), app_identifier, user_id())
    found = raw_log(services(), app, log_id)
    response = Response(found.chunks, mimetype="application/octet-stream")
    response.headers["Content-Disposition"] = dump_options_header("attachment", {"filename": f"{log_id}.log"})
    response.headers["Content-Security-Policy"] = "sandbox"  # what an app logged never runs as ours
    response.headers["Cache-Control"] = "private, no-store"
    response.content_length = found.size
    response.set_etag(found.sha256)
    return response


def _to_json(log: ListedLog) -> dict[str, Any]:
    return {
        "log_id": log.log_id,
        "status": log.status.value,
        "error_message": log.error_message,
        "format": log.format,
        "size": log.size,
        "received_at": iso_time.rfc3339(log.received_at),
        "digested_at": log.digested_at and iso_time.rfc3339(log.digested_at),
        "removed_at": log.removed_at and iso_time.rfc3339(log.removed_at),
        "occurrences_count": log.occurrences_count,
    }
