"""Endpoints for crash reporters that apps ship already: Sentry's SDKs, ACRA, Breakpad and Crashpad."""

from functools import partial
from typing import Annotated

from flask import Response, request
from pydantic import Field

from app.db.hot.upload import Sender
from app.errors import BadParameters, TooLarge
from app.identity.access import Access
from app.ingest import senders
from app.ingest.receive import receive_first
from app.ingest.senders import (
    Sent,
    key_of_envelope,
    log_id_of_acra,
    log_of_minidump,
    read_envelope,
    read_event,
    report_of,
    report_of_attachment,
)
from app.ingest.sentry_sessions import read_sessions
from app.ingest.sessions import receive_sessions
from app.ingest.unpacking import gunzipped_file
from app.web.api import answers, tags
from app.web.api.body import Upload, unpacked_body
from app.web.api.cors import share
from app.web.api.logs import ReceivedLog
from app.web.api.openapi.words import BINARY, TEXT, answer, object_of
from app.web.api.resource import Resource
from app.web.api.sender_form import read_form
from app.web.api.sender_key import ANY_ORIGIN, ERRORS, KEYS, Project, an_object, sender_key, sender_of, sent
from app.web.auth import services

SENTRYS = ("senders.envelope", "senders.store")

resource = Resource(
    "senders", tags.SENDERS, url_prefix="/api/<int:project>", strict_slashes=False, access=Access.SENDER
)
resource.after_request(share)

_TAKEN = "Stored, or dropped when it tells of no crash"
_SENT_EVENT = object_of({"id": TEXT}, optional=("id",)) | {"examples": [{"id": "9ec79c33ec9942ab8353589fcb2e04dc"}]}
_EVENT = {
    "event_id": "9ec79c33ec9942ab8353589fcb2e04dc",
    "platform": "python",
    "level": "fatal",
    "exception": {"values": [{"type": "IndexError", "value": "list index out of range"}]},
}
_REPORT = {
    "REPORT_ID": "7d2f8c3e-0000-4000-8000-000000000001",
    "APP_VERSION_NAME": "1.2",
    "STACK_TRACE": "java.lang.IllegalStateException: closed\n\tat com.example.notes.Notebook.page(Notebook.java:41)\n",
}
_FORM = {"type": "object", "additionalProperties": TEXT}
_ENVELOPE = {
    "application/x-sentry-envelope": BINARY,
    "application/octet-stream": BINARY,  # for generators of clients that do not know Sentry's; neither is read
}
_DUMP_FORM = object_of({"upload_file_minidump": BINARY}) | {"additionalProperties": TEXT}
_FILES_FORM = object_of({"ACRA_REPORT": TEXT}) | {"additionalProperties": BINARY}


@resource.post(
    "/envelope/", "sendEnvelope", "Sentry's protocol: an envelope", errors=ERRORS, responses=answer(_SENT_EVENT, _TAKEN),
    more=sent(
        _ENVELOPE,
        description=f"The key may also be in the DSN of the first line. {ANY_ORIGIN}", security=[*KEYS, {}],
    ),
)  # fmt: skip
def envelope(project: Project) -> Response:
    """Store the envelope when an event or a minidump is in it, and count its sessions; the rest is dropped.

    Attachments that make it too large are left out.
    """
    with Upload(senders.TIMES) as upload:
        app = sender_of(project, sender_key() or key_of_envelope(upload.first_line()))
        try:
            content = upload.content()
        except TooLarge:
            content = upload.reduced(senders.event_of_large_envelope)
        return _take(app, read_envelope(content))


@resource.post(
    "/store/", "sendEvent", "Sentry's protocol: one event", errors=ERRORS, responses=answer(_SENT_EVENT, _TAKEN),
    more=sent({"application/json": an_object(_EVENT)}, description=ANY_ORIGIN),
)  # fmt: skip
def store(project: Project) -> Response:
    """Store one event."""
    app = sender_of(project)
    return _take(app, read_event(unpacked_body(), services().config.max_log_bytes))


@resource.post(
    "/minidump/", "sendMinidump", "Breakpad and Crashpad: a form with upload_file_minidump, or the dump alone",
    errors=ERRORS, responses=answer(TEXT, "`CrashID=bp-…`", media="text/plain"),
    more=sent({"application/octet-stream": BINARY, "multipart/form-data": _DUMP_FORM}),
)  # fmt: skip
def minidump(project: Project) -> Response:
    """Store a minidump, with the fields that came with it."""
    app = sender_of(project)
    dump, fields = _dump_and_fields()
    log_id, content = log_of_minidump(dump, fields)
    receive_first(services(), app, log_id, content)
    return Response(f"CrashID=bp-{log_id}\n", mimetype="text/plain")


@resource.post(
    "/acra/", "sendAcraReport", "ACRA's HttpSender; attachments are dropped", about="Stored; a worker digests it",
    errors=ERRORS,
    more=sent({
        "application/json": an_object(_REPORT), "application/x-www-form-urlencoded": _FORM, "multipart/form-data": _FILES_FORM,
    }),
)  # fmt: skip
def acra(project: Project) -> ReceivedLog:
    """Store an ACRA report."""
    return _take_acra(project)


@resource.put(
    "/acra/<report_id>", "putAcraReport", "ACRA's HttpSender with PUT; an attachment is dropped",
    about="Stored; a worker digests it", errors=ERRORS,
    more=sent({"application/json": an_object(_REPORT), "application/x-www-form-urlencoded": _FORM}),
)  # fmt: skip
def acra_put(project: Project, report_id: Annotated[str, Field(description="As in the report")]) -> ReceivedLog:
    """The same; ACRA's PUT appends the report's id to the address, and sends attachments by themselves: those are dropped."""
    report = report_of_attachment(report_id)
    if report is None:
        return _take_acra(project)
    sender_of(project)
    unpacked_body()
    return ReceivedLog(log_id=f"acra-{report}")


@resource.after_request
def _for_sdks(response: Response) -> Response:
    if request.endpoint in SENTRYS:
        if response.status_code >= 400 and response.is_json:
            response.headers["X-Sentry-Error"] = response.json["error_message"]  # type: ignore[index]
        if response.status_code == 429:
            response.headers["X-Sentry-Rate-Limits"] = (
                f"{response.headers['Retry-After']}::key"  # of every kind of item
            )
    return response


def _take(app: Sender, event: Sent) -> Response:
    """Store the log, then the sessions: sent again after a failure, the log is known, and sums would be counted twice."""
    if event.is_crash:
        receive_first(services(), app, event.log_id, event.content)
    taken = answers.document({"id": event.event_id} if event.event_id else {})
    if event.sessions:
        seconds = receive_sessions(services(), app, partial(read_sessions, event.sessions))
        if seconds:
            taken.headers["X-Sentry-Rate-Limits"] = f"{seconds}:session:key"  # crashes are still taken
    return taken


def _take_acra(project: int) -> ReceivedLog:
    app = sender_of(project)
    content = _acra_report()
    log_id = log_id_of_acra(content)
    receive_first(services(), app, log_id, content)
    return ReceivedLog(log_id=log_id)


def _dump_and_fields() -> tuple[bytes, dict[str, str]]:
    """The dump and the texts beside it: a multipart form, packed as a whole or not, or the dump alone with a query."""
    texts = {name: value for name, value in request.args.items() if name != "sentry_key"}
    if request.mimetype != "multipart/form-data":
        return gunzipped_file(unpacked_body(), services().config.max_log_bytes), texts
    dump, fields = read_form("upload_file_minidump")
    if dump is None:
        raise BadParameters("The form has no file upload_file_minidump")
    return gunzipped_file(dump, services().config.max_log_bytes), {**texts, **fields}


def _acra_report() -> bytes:
    """The body, or its part ACRA_REPORT, which older versions send as a file without a name. Attachments are dropped."""
    if request.mimetype != "multipart/form-data":
        return report_of(unpacked_body())
    report = read_form("ACRA_REPORT").part
    if report is None:
        raise BadParameters("The form has no part ACRA_REPORT")
    return report_of(report)
