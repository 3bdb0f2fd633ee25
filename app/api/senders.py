"""Endpoints for crash reporters that apps ship already: Sentry's SDKs, ACRA, Breakpad and Crashpad."""

from flask import Blueprint, Response, request

from app import accounts
from app.api import answers
from app.api.body import Upload, unpacked_body
from app.api.multipart import read_form
from app.api.sender_key import sender_key
from app.auth import services
from app.db.upload import Sender
from app.errors import BadParameters, TooLarge, Unauthorized
from app.ingest import large_envelope
from app.ingest.acra import log_id_of_acra, report_of, report_of_attachment
from app.ingest.minidump import log_of_minidump
from app.ingest.receive import receive_first
from app.ingest.sentry import Sent, key_of_envelope, read_envelope, read_event

MAX_FIELD_BYTES = 512 * 1024  # of all texts of a form with a minidump

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "X-Sentry-Error, X-Sentry-Rate-Limits, Retry-After",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Content-Encoding, Authorization, X-Sentry-Auth, X-Requested-With, "
    "Origin, Accept, sentry-trace, baggage",
    "Access-Control-Max-Age": "86400",
}
SENTRYS = ("senders.envelope", "senders.store")

blueprint = Blueprint("senders", __name__, url_prefix="/api")


@blueprint.post("/<int:project>/envelope/", strict_slashes=False)
def envelope(project: int) -> Response:
    """Store the envelope when an event or a minidump is in it, and drop it when not.

    Attachments that make it too large are left out.
    """
    with Upload(large_envelope.TIMES) as upload:
        app = _sender(project, sender_key() or key_of_envelope(upload.first_line()))
        try:
            content = upload.content()
        except TooLarge:
            content = upload.reduced(large_envelope.event_of_large_envelope)
        return _take(app, read_envelope(content))


@blueprint.post("/<int:project>/store/", strict_slashes=False)
def store(project: int) -> Response:
    """Store one event."""
    app = _sender(project)
    return _take(app, read_event(unpacked_body(), services().config.max_log_bytes))


@blueprint.post("/<int:project>/minidump/", strict_slashes=False)
def minidump(project: int) -> Response:
    """Store a minidump, with the fields that came with it."""
    app = _sender(project)
    dump, fields = _dump_and_fields()
    log_id, content = log_of_minidump(dump, fields)
    receive_first(services(), app, log_id, content)
    return Response(f"CrashID=bp-{log_id}\n", mimetype="text/plain")


@blueprint.post("/<int:project>/acra/", strict_slashes=False)
def acra(project: int) -> Response:
    """Store an ACRA report."""
    return _take_acra(project)


@blueprint.put("/<int:project>/acra/<report_id>")
def acra_put(project: int, report_id: str) -> Response:
    """The same; ACRA's PUT appends the report's id to the address, and sends attachments by themselves: those are dropped."""
    report = report_of_attachment(report_id)
    if report is None:
        return _take_acra(project)
    _sender(project)
    unpacked_body()
    return answers.success({"log_id": f"acra-{report}", "status": "received"})


@blueprint.after_request
def _for_sdks(response: Response) -> Response:
    if request.endpoint in SENTRYS:
        response.headers.update(CORS)
        if request.method == "OPTIONS":
            response.headers.update(PREFLIGHT)
        if response.status_code >= 400 and response.is_json:
            response.headers["X-Sentry-Error"] = response.json["error_message"]  # type: ignore[index]
        if response.status_code == 429:
            response.headers["X-Sentry-Rate-Limits"] = (
                f"{response.headers['Retry-After']}::key"  # of every kind of item
            )
    return response


def _take(app: Sender, sent: Sent) -> Response:
    if sent.is_crash:
        receive_first(services(), app, sent.log_id, sent.content)
    return answers.document({"id": sent.event_id} if sent.event_id else {})


def _take_acra(project: int) -> Response:
    app = _sender(project)
    content = _acra_report()
    log_id = log_id_of_acra(content)
    receive_first(services(), app, log_id, content)
    return answers.success({"log_id": log_id, "status": "received"})


def _sender(project: int, key: str | None = None) -> Sender:
    """Who sends, by a key that is not in the body or by the one given; nothing is unpacked before it is checked."""
    key = key or sender_key()
    if not key:
        raise Unauthorized("The key is missing or unknown")
    return accounts.app_for_project(services(), project, key, "")


def _dump_and_fields() -> tuple[bytes, dict[str, str]]:
    """The dump and the texts beside it: a multipart form, packed as a whole or not, or the dump alone with a query."""
    content = unpacked_body()
    texts = {name: value for name, value in request.args.items() if name != "sentry_key"}
    if request.mimetype != "multipart/form-data":
        return content, texts
    form, files = read_form(content, MAX_FIELD_BYTES)
    file = files.get("upload_file_minidump")
    if file is None:
        raise BadParameters("The form has no file upload_file_minidump")
    return file.stream.read(), {**texts, **form.to_dict()}


def _acra_report() -> bytes:
    """The body, or its part ACRA_REPORT, which older versions send as a file without a name. Attachments are dropped."""
    content = unpacked_body()
    if request.mimetype == "multipart/form-data":
        form, files = read_form(content, services().config.max_log_bytes)
        if "ACRA_REPORT" in files:
            content = files["ACRA_REPORT"].stream.read()
        elif "ACRA_REPORT" in form:
            content = form["ACRA_REPORT"].encode(errors="replace")
        else:
            raise BadParameters("The form has no part ACRA_REPORT")
    return report_of(content)
