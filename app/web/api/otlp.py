"""Endpoints for exporters of OpenTelemetry: log records over OTLP/HTTP, in protobuf and in JSON."""

from flask import Response, request

from app.db.hot.upload import Sender
from app.errors import Unauthorized
from app.identity import accounts
from app.identity.access import Access
from app.ingest.otlp import crashes_of, response_to
from app.ingest.receive import receive_each
from app.web.api import tags
from app.web.api.body import unpacked_body
from app.web.api.cors import share
from app.web.api.openapi.words import BINARY, Json
from app.web.api.resource import Resource
from app.web.api.sender_key import ANY_ORIGIN, ERRORS, Project, an_object, sender_key, sender_of, sent, token_key
from app.web.auth import services

JSON, PROTOBUF = "application/json", "application/x-protobuf"

resource = Resource("otlp", tags.SENDERS, strict_slashes=False, access=Access.SENDER)
resource.after_request(share)

_RECORD = {
    "timeUnixNano": "1536840000000000000",
    "severityNumber": 17,
    "attributes": [
        {"key": "exception.type", "value": {"stringValue": "java.lang.IllegalStateException"}},
        {"key": "exception.message", "value": {"stringValue": "closed"}},
    ],
}
_REQUEST = {"resourceLogs": [{"resource": {}, "scopeLogs": [{"logRecords": [_RECORD]}]}]}
_RESPONSE = {"type": "object", "properties": {"partialSuccess": {"type": "object"}}, "examples": [{}]}
_RESPONSES: Json = {
    "200": {
        "description": "Records with exceptions are stored, a log for each; all others are dropped",
        "content": {JSON: {"schema": _RESPONSE}, PROTOBUF: {"schema": BINARY}},
    }
}
_BODIES: Json = {JSON: an_object(_REQUEST), PROTOBUF: BINARY, "application/octet-stream": BINARY}


@resource.post(
    "/api/<int:project>/v1/logs", "exportLogs", "OTLP/HTTP: log records", errors=ERRORS, responses=_RESPONSES,
    more=sent(_BODIES, description=ANY_ORIGIN),
)  # fmt: skip
def logs(project: Project) -> Response:
    """Store the records that tell of an exception or a crash."""
    return _take(sender_of(project))


@resource.post(
    "/api/<int:project>/integration/otlp/v1/logs", "exportLogsAsToSentry", "OTLP/HTTP: log records, at Sentry's address",
    errors=ERRORS, responses=_RESPONSES, more=sent(_BODIES, description=ANY_ORIGIN),
)  # fmt: skip
def logs_as_to_sentry(project: Project) -> Response:
    """The same for exporters that were told Sentry's address: only its host changes."""
    return _take(sender_of(project))


@resource.post(
    "/v1/logs", "exportLogsByKey", "OTLP/HTTP: log records, for the app of the key", errors=ERRORS, responses=_RESPONSES,
    more=sent(_BODIES, description=ANY_ORIGIN),
)  # fmt: skip
def logs_by_key() -> Response:
    """The same for an exporter that has the host alone."""
    key = sender_key() or token_key()
    if not key:
        raise Unauthorized("The key is missing or unknown")
    return _take(accounts.app_for_key(services(), key))


def _take(app: Sender) -> Response:
    export = crashes_of(unpacked_body())
    receive_each(services(), app, export.logs)
    as_json = request.mimetype == JSON
    return Response(response_to(export, as_json=as_json), mimetype=JSON if as_json else PROTOBUF)
