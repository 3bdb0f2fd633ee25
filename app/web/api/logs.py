"""Crash logs of an app: uploaded, listed, shown, digested again; the bytes of one."""

from datetime import date
from typing import Annotated, Literal

from flask import Response, request
from pydantic import Field
from werkzeug.http import dump_options_header

from app.db.models.app import App
from app.db.models.log import LogStatus
from app.identity import accounts
from app.identity.access import Access
from app.ingest.log_id import is_log_id
from app.ingest.receive import digest_again, receive
from app.ingest.status import STATUSES, log_page, log_state
from app.json_models import After, Day, OneOf, Query, ResponseBody, Time
from app.paging import cursor
from app.privacy.raw_log import raw_log
from app.web.api import tags
from app.web.api.body import unpacked_body
from app.web.api.openapi.words import BINARY, TEXT, answer, body, header, one_of, query
from app.web.api.resource import Page, PagingAfter, Resource
from app.web.auth import services, token

resource = Resource("logs", tags.LOGS, url_prefix="/api/apps/<app_identifier>/logs", access=Access.VIEWER)
LogId = Annotated[str, Field(description="The log's name")]
_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
_Status = Annotated[LogStatus, Field(examples=["digested"])]
_Error = Annotated[str | None, Field(description="Why it was rejected, or what of it could not be read")]


class ReceivedLog(ResponseBody):
    """A log that is stored; a worker digests it."""

    log_id: str
    status: Literal["received"] = "received"


class FoundOccurrence(ResponseBody):
    """An occurrence in a log."""

    id: str
    crash_identifier: str


class LogBody(ResponseBody, component="Log"):
    """What became of a log."""

    log_id: str
    date: Day
    status: _Status
    error_message: _Error
    occurrences: list[FoundOccurrence]


class ListedLogBody(ResponseBody, component="ListedLog"):
    """A log in a list."""

    log_id: str
    status: _Status
    error_message: _Error
    format: str | None = Field(description="What it was read as", examples=["kscrash-json"])
    size: int = Field(description="Bytes, unpacked")
    received_at: Time
    digested_at: Time | None
    removed_at: Time | None = Field(description="When its bytes were removed for their age")
    occurrences_count: int


class LogsQuery(Query):
    """Which logs a list has."""

    status: Annotated[str, OneOf(STATUSES), Field(description="Only those", examples=["digested"])] = ""
    log_id: str = Field(default="", description="How their names begin; the list is by name then")
    after: After = None


@resource.get("", "listLogs", "Logs of an app", about="Newest first")
def list_logs(app: App, paging: PagingAfter, query: LogsQuery) -> Page[ListedLogBody]:
    """The logs of the app, newest first; those whose names begin with `log_id`, by name."""
    rows = log_page(services(), app, paging.limit, status=query.status, prefix=query.log_id, after=query.after)
    return Page.of(rows, paging, ListedLogBody.of, lambda last: cursor(last.received_at, last.log_id))


@resource.post(
    "", "uploadLog", "Send one crash log", access=Access.SENDER, status=202, about="Stored; a worker digests it",
    errors=(400, 403, 404, 409, 413, 415, 429),
    more={
        "description": "The bytes are durable when the answer comes. The same log again: the same answer; the same id with "
        "other bytes: 409, the first stays.",
        "parameters": [
            query("log_id", {**TEXT, "pattern": _PATTERN}, "Made by the server when left out"),
            header("Content-Encoding", one_of("gzip", "deflate", "br", "zstd"), "When the body is packed"),
        ],
        "requestBody": body(BINARY, "application/octet-stream"),
    },
)  # fmt: skip
def upload(app_identifier: str) -> ReceivedLog:
    """Store one log for digestion; 202 once its bytes and its row are durable. The sender has a token or an ingest key."""
    name = request.args.get("log_id")
    app = accounts.app_for_sender(services(), app_identifier, token(), name if name and is_log_id(name) else "")
    return ReceivedLog(log_id=receive(services(), app, name, unpacked_body()))


@resource.get("/<log_id>", "showLog", "What became of a log", about="The log")
def show(app: App, log_id: LogId) -> LogBody:
    """How far a log's digestion has come, and which occurrences were found in it."""
    state = log_state(services(), app, log_id)
    return LogBody.of(
        state.log,
        date=date.fromisoformat(state.date),
        occurrences=[FoundOccurrence(id=name, crash_identifier=crash) for name, crash in state.occurrences],
    )


@resource.post(
    "/<log_id>/digest", "digestLogAgain", "Digest a rejected log again", status=202, about="Stored; a worker digests it",
    access=Access.MEMBER,
    errors=(409, 410),
)  # fmt: skip
def digest(app: App, log_id: LogId) -> ReceivedLog:
    """Let a rejected log wait for its digestion anew."""
    digest_again(services(), app, log_id)
    return ReceivedLog(log_id=log_id)


@resource.get(
    "/<log_id>/raw", "downloadLog", "The bytes of a log, unless the app redacts", errors=(409, 410),
    responses=answer(BINARY, "The log", media="application/octet-stream",
                     headers="Content-Disposition Content-Length ETag Cache-Control"),
)  # fmt: skip
def raw(app: App, log_id: LogId) -> Response:
    """The bytes as they were sent."""
    found = raw_log(services(), app, log_id)
    response = Response(found.chunks, mimetype="application/octet-stream")
    response.headers["Content-Disposition"] = dump_options_header("attachment", {"filename": f"{log_id}.log"})
    response.headers["Content-Security-Policy"] = "sandbox"  # what an app logged never runs as ours
    response.headers["Cache-Control"] = "private, no-store"
    response.content_length = found.size
    response.set_etag(found.sha256)
    return response
