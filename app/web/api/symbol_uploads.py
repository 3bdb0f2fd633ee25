"""Large files of symbols in chunks: begun, gone on with, finished, given up. Members only."""

from typing import Annotated, Any

from flask import Response, request
from pydantic import Field

from app.db.models.app import App
from app.db.models.symbol_upload import SymbolUpload
from app.errors import BadParameters, TooLarge, UnsupportedMedia
from app.identity.access import Access
from app.json_models import RequestBody, ResponseBody, Time
from app.symbolication import receive
from app.symbolication.stored import show_symbols
from app.symbols.contents import About
from app.web.api import answers, tags
from app.web.api.openapi.words import BINARY, TEXT, WHOLE, answer, body, query, schema, success_of
from app.web.api.request_values import json_object
from app.web.api.resource import Resource
from app.web.api.symbols import SymbolsBody, chunks, symbols_body
from app.web.auth import services

resource = Resource(
    "symbol_uploads", tags.SYMBOL_UPLOADS, url_prefix="/api/apps/<app_identifier>/symbols/uploads", access=Access.MEMBER
)
ONE = "/<upload_identifier>"
UploadIdentifier = Annotated[str, Field(description="Of the upload, from its beginning")]

TEXTS = About._fields
MAX_SIZE = 2**53  # bytes; what JSON holds exactly


class NewUpload(RequestBody):
    """The file that is to come."""

    size: int = Field(description="Bytes of the file")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="Of the file")
    name: str = Field(default="", max_length=200)
    version: str = Field(default="", max_length=100)
    build: str = Field(default="", max_length=100)


class SymbolUploadBody(ResponseBody, component="SymbolUpload"):
    """An upload that is not whole yet, or the file that is there already."""

    identifier: str | None = Field(examples=["9d3e5f7081a2b4c6d8e0f213"])
    received: int | None = Field(description="Bytes that are there: where the next chunk begins", examples=[0])
    size: int
    sha256: str
    least_chunk: int | None = Field(examples=[1048576])
    best_chunk: int | None = Field(examples=[16777216])
    most_chunk: int | None = Field(examples=[67108864])
    touched_at: Time | None = Field(examples=["2018-09-13T12:00:00Z"])
    symbols: SymbolsBody | None


_UPLOAD = success_of(schema("SymbolUpload"))


@resource.post(
    "", "beginSymbolUpload", "Begin an upload, or find where one of the same bytes goes on", errors=(409,), reads=NewUpload,
    responses=answer(_UPLOAD, "The file is there already: `symbols`") | answer(_UPLOAD, "To go on with", 201),
)  # fmt: skip
def begin(app: App) -> Response:
    """Begin an upload, find the one under way, or the file that is there already."""
    about, size, sha256 = _new_upload(json_object())
    begun = receive.begin_upload(services(), app, about, size, sha256)
    if begun.upload is not None:
        return answers.success(_upload(begun.upload).to_json(), 201)
    file = show_symbols(services(), app, begun.file.identifier) if begun.file else None
    empty = dict.fromkeys(("identifier", "received", "least_chunk", "best_chunk", "most_chunk", "touched_at"))
    found = SymbolUploadBody(**empty, size=size, sha256=sha256, symbols=file and symbols_body(file))
    return answers.success(found.to_json())


@resource.get(ONE, "showSymbolUpload", "Where an upload goes on", about="The upload")
def show(app: App, upload_identifier: UploadIdentifier) -> SymbolUploadBody:
    """Where it goes on."""
    return _upload(receive.show_upload(services(), app, upload_identifier))


@resource.put(
    ONE, "addSymbolChunk", "Store the next chunk", about="The chunk is durable", errors=(400, 409, 413, 415),
    more={
        "parameters": [
            {**query("offset", {**WHOLE, "examples": [0]}, "Byte of the file at which the chunk begins"), "required": True},
            query("sha256", TEXT, "Of the chunk, in hex: it is kept only if it is this one"),
        ],
        "requestBody": body(BINARY, "application/octet-stream"),
    },
)  # fmt: skip
def add(app: App, upload_identifier: UploadIdentifier) -> SymbolUploadBody:
    """Store the next chunk; the answer tells how far the file has come once that is durable."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMedia("Send symbols as they are, without Content-Encoding")
    if (request.content_length or 0) > receive.MOST_CHUNK:
        raise TooLarge(f"The chunk is larger than {receive.MOST_CHUNK} bytes")
    offset = request.args.get("offset", "")
    if set(request.args) - {"offset", "sha256"} or not (
        offset.isascii() and offset.isdigit() and int(offset) < MAX_SIZE
    ):
        raise BadParameters(
            "offset has to be the byte of the file at which the chunk begins; else only sha256 is known here"
        )
    request.max_content_length = None  # add_chunk counts for itself
    sent = chunks(request.stream)
    sha256 = request.args.get("sha256", "")
    return _upload(receive.add_chunk(services(), app, upload_identifier, int(offset), sent, sha256))


@resource.post(
    f"{ONE}/finish", "finishSymbolUpload", "Check the whole file by its SHA-256 and let a worker read it", status=202,
    about="Stored; a worker reads it", errors=(400, 409),
)  # fmt: skip
def finish(app: App, upload_identifier: UploadIdentifier) -> SymbolsBody:
    """Check the whole file; 202 with what a worker now looks into."""
    file = receive.finish_upload(services(), app, upload_identifier)
    return symbols_body(show_symbols(services(), app, file.identifier))


@resource.delete(ONE, "dropSymbolUpload", "Give an upload up", about="Given up")
def remove(app: App, upload_identifier: UploadIdentifier) -> None:
    """Give an upload up."""
    receive.drop_upload(services(), app, upload_identifier)


def _new_upload(given: dict[str, Any]) -> tuple[About, int, str]:
    unknown = set(given) - {*TEXTS, "size", "sha256"}
    if unknown:
        raise BadParameters("Only size, sha256, name, version and build are known here")
    size, sha256 = given.get("size"), given.get("sha256")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 < size < MAX_SIZE:
        raise BadParameters("size has to be the number of bytes of the file")
    texts = [given.get(name) or "" for name in TEXTS]
    if not isinstance(sha256, str) or not all(isinstance(text, str) for text in texts):
        raise BadParameters("sha256 has to be given; it, name, version and build are texts")
    return About(*texts), size, sha256


def _upload(upload: SymbolUpload) -> SymbolUploadBody:
    return SymbolUploadBody.of(
        upload,
        least_chunk=receive.LEAST_CHUNK,
        best_chunk=receive.BEST_CHUNK,
        most_chunk=receive.MOST_CHUNK,
        symbols=None,
    )
