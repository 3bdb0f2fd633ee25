"""Large files of symbols in chunks: begun, gone on with, finished, given up. Members only."""

from typing import Any

from flask import Blueprint, Response, request

from app import accounts, iso_time
from app.api import answers
from app.api.context import services, user_id
from app.api.request_values import json_object
from app.api.symbols import chunks, to_json
from app.db.app import App
from app.db.symbol_upload import SymbolUpload
from app.errors import BadParameters, TooLarge, UnsupportedMedia
from app.symbolication import uploads
from app.symbolication.stored import show_symbols
from app.symbols.contents import About

blueprint = Blueprint("symbol_uploads", __name__, url_prefix="/api/apps/<app_identifier>/symbols/uploads")

TEXTS = About._fields
MAX_SIZE = 2**53  # bytes; what JSON holds exactly


@blueprint.post("")
def begin(app_identifier: str) -> Response:
    """Begin an upload, find the one under way, or the file that is there already."""
    app = _app(app_identifier)
    about, size, sha256 = _read_request(json_object())
    begun = uploads.begin_upload(services(), app, about, size, sha256)
    if begun.upload is not None:
        return answers.success({**_to_json(begun.upload), "symbols": None}, 201)
    file = show_symbols(services(), app, begun.file.identifier) if begun.file else None
    empty = dict.fromkeys(("identifier", "received", "least_chunk", "best_chunk", "most_chunk", "touched_at"))
    return answers.success({**empty, "size": size, "sha256": sha256, "symbols": file and to_json(file)})


@blueprint.get("/<upload_identifier>")
def show(app_identifier: str, upload_identifier: str) -> Response:
    """Where it goes on."""
    upload = uploads.show_upload(services(), _app(app_identifier), upload_identifier)
    return answers.success({**_to_json(upload), "symbols": None})


@blueprint.put("/<upload_identifier>")
def add(app_identifier: str, upload_identifier: str) -> Response:
    """Store the next chunk; the answer tells how far the file has come once that is durable."""
    app = _app(app_identifier)
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMedia("Send symbols as they are, without Content-Encoding")
    if (request.content_length or 0) > uploads.MOST_CHUNK:
        raise TooLarge(f"The chunk is larger than {uploads.MOST_CHUNK} bytes")
    offset = request.args.get("offset", "")
    if set(request.args) - {"offset", "sha256"} or not (
        offset.isascii() and offset.isdigit() and int(offset) < MAX_SIZE
    ):
        raise BadParameters(
            "offset has to be the byte of the file at which the chunk begins; else only sha256 is known here"
        )
    request.max_content_length = None  # add_chunk counts for itself
    sent = chunks(request.stream)
    upload = uploads.add_chunk(services(), app, upload_identifier, int(offset), sent, request.args.get("sha256", ""))
    return answers.success({**_to_json(upload), "symbols": None})


@blueprint.post("/<upload_identifier>/finish")
def finish(app_identifier: str, upload_identifier: str) -> Response:
    """Check the whole file; 202 with what a worker now looks into."""
    app = _app(app_identifier)
    file = uploads.finish_upload(services(), app, upload_identifier)
    return answers.success(to_json(show_symbols(services(), app, file.identifier)), 202)


@blueprint.delete("/<upload_identifier>")
def remove(app_identifier: str, upload_identifier: str) -> Response:
    """Give an upload up."""
    uploads.drop_upload(services(), _app(app_identifier), upload_identifier)
    return answers.bare_success()


def _app(identifier: str) -> App:
    return accounts.app_for_user(services(), identifier, user_id())


def _read_request(fields: dict[str, Any]) -> tuple[About, int, str]:
    unknown = set(fields) - {*TEXTS, "size", "sha256"}
    if unknown:
        raise BadParameters("Only size, sha256, name, version and build are known here")
    size, sha256 = fields.get("size"), fields.get("sha256")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 < size < MAX_SIZE:
        raise BadParameters("size has to be the number of bytes of the file")
    texts = [fields.get(name) or "" for name in TEXTS]
    if not isinstance(sha256, str) or not all(isinstance(text, str) for text in texts):
        raise BadParameters("sha256 has to be given; it, name, version and build are texts")
    return About(*texts), size, sha256


def _to_json(upload: SymbolUpload) -> dict[str, Any]:
    return {
        "identifier": upload.identifier,
        "received": upload.received,
        "size": upload.size,
        "sha256": upload.sha256,
        "least_chunk": uploads.LEAST_CHUNK,
        "best_chunk": uploads.BEST_CHUNK,
        "most_chunk": uploads.MOST_CHUNK,
        "touched_at": iso_time.rfc3339(upload.touched_at),
    }
