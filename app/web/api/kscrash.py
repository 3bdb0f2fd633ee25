"""The endpoint for KSCrash's HTTP sink."""

from flask import request

from app.errors import BadParameters
from app.identity.access import Access
from app.ingest.kscrash import logs_of_reports
from app.ingest.receive import receive_each
from app.ingest.unpacking import gunzipped_file
from app.web.api import tags
from app.web.api.body import unpacked_body
from app.web.api.bugsnag import ReceivedLogs
from app.web.api.openapi.words import BINARY, object_of
from app.web.api.resource import Resource
from app.web.api.sender_form import read_form
from app.web.api.sender_key import ERRORS, Project, sender_of, sent
from app.web.auth import services

resource = Resource(
    "kscrash", tags.SENDERS, url_prefix="/api/<int:project>/kscrash", strict_slashes=False, access=Access.SENDER
)

_REPORT = {
    "report": {"id": "7D2F8C3E-0000-4000-8000-000000000001", "version": "3.3.0", "type": "standard"},
    "crash": {"error": {"type": "signal", "signal": {"name": "SIGSEGV", "signal": 11}}},
}
_REPORTS = {"type": "array", "items": {"type": "object"}, "examples": [[_REPORT]]}
_FORM = object_of({"reports": BINARY}) | {"additionalProperties": True}


@resource.post(
    "/", "sendKscrashReports", "KSCrash's standard sink: a form with the file reports, or the JSON alone", errors=ERRORS,
    about="Stored; a worker digests them", more=sent({"application/json": _REPORTS, "multipart/form-data": _FORM}),
)  # fmt: skip
def reports(project: Project) -> ReceivedLogs:
    """Store each report with a crash; others are dropped."""
    app = sender_of(project)
    return ReceivedLogs(log_ids=receive_each(services(), app, logs_of_reports(_reports())))


def _reports() -> bytes:
    if request.mimetype != "multipart/form-data":
        return unpacked_body()
    file = read_form("reports").part
    if file is None:
        raise BadParameters("The form has no file reports")
    return gunzipped_file(file, services().config.max_log_bytes)
