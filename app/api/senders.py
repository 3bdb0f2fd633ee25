"""Endpoints for crash reporters that apps ship already: Sentry's SDKs, ACRA, Breakpad and Crashpad."""

import io

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser

from app import accounts
from app.api import answers
from app.api.body import unpacked_body
from app.api.context import services
from app.api.sender_key import sender_key
from app.errors import BadParameters, TooLarge, Unauthorized, UnsupportedMedia
from app.ingest.acra import log_id_of_acra
from app.ingest.minidump import log_of_minidump
from app.ingest.receive import receive_first
from app.ingest.sentry import Sent, read_envelope, read_event

MAX_FIELDS = 1_000  # of one form
MAX_FIELD_BYTES = 512 * 1024  # of all its texts together

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Content-Encoding, Authorization, X-Sentry-Auth, X-Requested-With, "
    "Origin, Accept, sentry-trace, baggage",
    "Access-Control-Expose-Headers": "X-Sentry-Error, X-Sentry-Rate-Limits, Retry-After",
    "Access-Control-Max-Age": "86400",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
SENTRYS = ("senders.envelope", "senders.store")

blueprint = Blueprint("senders", __name__, url_prefix="/api")


@blueprint.post("/<int:project>/envelope/", strict_slashes=False)
def envelope(project: int) -> Response:
    """Store the envelope when an event or a minidump is in it, and drop it when not."""
    return _take(project, read_envelope(unpacked_body()))


@blueprint.post("/<int:project>/store/", strict_slashes=False)
def store(project: int) -> Response:
    """Store one event."""
    return _take(project, read_event(unpacked_body(), services().config.max_log_bytes))


@blueprint.post("/<int:project>/minidump/", strict_slashes=False)
def minidump(project: int) -> Response:
    """Store a minidump, with the fields that came with it."""
    dump, fields = _dump_and_fields()
    log_id, content = log_of_minidump(dump, fields)
    app = accounts.app_for_project(services(), project, _key(), log_id)
    receive_first(services(), app, log_id, content)
    return Response(f"CrashID=bp-{log_id}\n", mimetype="text/plain")


@blueprint.post("/<int:project>/acra/", strict_slashes=False)
def acra(project: int) -> Response:
    """Store an ACRA report."""
    return _take_acra(project)


@blueprint.put("/<int:project>/acra/<report_id>")
def acra_put(project: int, report_id: str) -> Response:  # noqa: ARG001  the report itself holds it too
    """The same; ACRA's PUT appends the report's id to the address."""
    return _take_acra(project)


@blueprint.after_request
def _for_sdks(response: Response) -> Response:
    if request.endpoint in SENTRYS:
        response.headers.update(CORS)
        if response.status_code >= 400 and response.is_json:
            response.headers["X-Sentry-Error"] = response.json["error_message"]  # type: ignore[index]
        if response.status_code == 429:
            response.headers["X-Sentry-Rate-Limits"] = (
                f"{response.headers['Retry-After']}::key"  # of every kind of item
            )
    return response


def _take(project: int, sent: Sent) -> Response:
    app = accounts.app_for_project(services(), project, _key(sent.key), sent.log_id)
    if sent.is_crash:
        receive_first(services(), app, sent.log_id, sent.content)
    return answers.document({"id": sent.event_id} if sent.event_id else {})


def _take_acra(project: int) -> Response:
    if request.mimetype in ("application/x-www-form-urlencoded", "multipart/form-data"):
        raise UnsupportedMedia("ACRA has to send JSON, without attachments: reportFormat = StringFormat.JSON")
    content = unpacked_body()
    log_id = log_id_of_acra(content)
    app = accounts.app_for_project(services(), project, _key(), log_id)
    receive_first(services(), app, log_id, content)
    return answers.success({"log_id": log_id, "status": "received"})


def _key(other: str | None = None) -> str:
    key = sender_key() or other
    if not key:
        raise Unauthorized("The key is missing or unknown")
    return key


def _dump_and_fields() -> tuple[bytes, dict[str, str]]:
    """The dump and the texts beside it: a multipart form, packed as a whole or not, or the dump alone with a query."""
    content = unpacked_body()
    texts = {name: value for name, value in request.args.items() if name != "sentry_key"}
    if request.mimetype != "multipart/form-data":
        return content, texts
    parser = MultiPartParser(
        stream_factory=lambda *_, **__: io.BytesIO(), max_form_memory_size=MAX_FIELD_BYTES, max_form_parts=MAX_FIELDS
    )
    try:
        boundary = request.mimetype_params.get("boundary", "").encode("latin-1")
        form, files = parser.parse(io.BytesIO(content), boundary, len(content))
    except RequestEntityTooLarge:
        raise TooLarge(f"The form has more than {MAX_FIELDS} fields or {MAX_FIELD_BYTES} bytes of text") from None
    except (ValueError, UnicodeError):
        raise BadParameters("The form is not whole multipart/form-data") from None
    file = files.get("upload_file_minidump")
    if file is None:
        raise BadParameters("The form has no file upload_file_minidump")
    return file.stream.read(), {**texts, **form.to_dict()}
