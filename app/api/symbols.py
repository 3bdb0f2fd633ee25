"""Files of symbols of an app: uploaded, listed, deleted. Members only."""

from collections.abc import Iterator
from typing import IO, Any

from flask import Blueprint, Response, request

from app import accounts, iso_time
from app.api import answers
from app.api.context import services, user_id
from app.api.page_window import link_next, window
from app.db.symbols import RELEASE, SymbolImage
from app.errors import BadParameters, TooLarge, UnsupportedMedia
from app.request_body import BODY
from app.symbolication.receive import receive_symbols
from app.symbolication.stored import Shown, delete_symbols, list_symbols, show_symbols
from app.symbols.contents import About

blueprint = Blueprint("symbols", __name__, url_prefix="/api/apps/<app_identifier>/symbols")

CHUNK = 1024 * 1024  # bytes
LONGEST_FILE = 3_600  # seconds that a member may take to send a file or a chunk of one


@blueprint.post("")
def add(app_identifier: str) -> Response:
    """Store one file; 202 once its bytes and its row are durable."""
    app = accounts.app_for_user(services(), app_identifier, user_id())
    limit = services().config.max_symbol_bytes
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMedia("Send symbols as they are, without Content-Encoding")
    if (request.content_length or 0) > limit:
        raise TooLarge(f"The file is larger than {limit} bytes")
    unknown = set(request.args) - set(About._fields)
    if unknown:
        raise BadParameters("Only name, version and build are known here")
    request.max_content_length = None  # receive_symbols counts for itself
    about = About(*(request.args.get(field, "") for field in About._fields))
    found = receive_symbols(services(), app, about, chunks(request.stream))
    return answers.success(to_json(show_symbols(services(), app, found.identifier)), 202)


@blueprint.get("")
def list_all(app_identifier: str) -> Response:
    """The files of the app, newest first."""
    app = accounts.app_for_user(services(), app_identifier, user_id())
    query = request.args.to_dict()
    limit, offset = window(query)
    rows = list_symbols(services(), app, limit, offset)
    return link_next(answers.success([to_json(one) for one in rows[: limit - 1]]), rows, query)


@blueprint.get("/<symbols_identifier>")
def show(app_identifier: str, symbols_identifier: str) -> Response:
    """What became of one file."""
    app = accounts.app_for_user(services(), app_identifier, user_id())
    return answers.success(to_json(show_symbols(services(), app, symbols_identifier)))


@blueprint.delete("/<symbols_identifier>")
def remove(app_identifier: str, symbols_identifier: str) -> Response:
    """Delete a file and what was made of it."""
    app = accounts.app_for_user(services(), app_identifier, user_id())
    delete_symbols(services(), app, symbols_identifier)
    return answers.bare_success()


def chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """A request's body, a MiB at a time."""
    if BODY in request.environ:
        request.environ[BODY].may_take(LONGEST_FILE)
    while chunk := stream.read(CHUNK):
        yield chunk


def to_json(one: Shown) -> dict[str, Any]:
    """A file as the API tells of it."""
    file = one.file
    return {
        "identifier": file.identifier,
        "name": file.name,
        "kind": file.kind,
        "state": file.state.value,
        "reason": file.reason,
        "debug_ids": [found for image in one.images if (found := _debug_id(image))],
        "images": [
            {"debug_id": _debug_id(image), "kind": image.kind, "arch": image.arch, "name": image.name}
            for image in one.images
        ],
        "waiting_logs": one.waiting_logs,
        "version": file.version or None,
        "build": file.build or None,
        "size": file.size,
        "sha256": file.sha256,
        "received_at": iso_time.rfc3339(file.received_at),
    }


def _debug_id(image: SymbolImage) -> str | None:
    """None for what is found by version and build alone."""
    return None if image.debug_id.startswith(RELEASE) else image.debug_id
