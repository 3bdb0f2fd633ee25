"""Files of symbols of an app: uploaded, also with an upload key; listed and deleted by members."""

from collections.abc import Iterator
from typing import IO, Annotated, Literal

from flask import request
from pydantic import Field

from app.db.models.app import App
from app.db.models.symbols import IN_CHUNKS, RELEASE, UNWIND, SymbolImage, SymbolState
from app.errors import BadParameters, NotFound, TooLarge, UnsupportedMedia
from app.identity.access import Access
from app.identity.accounts import IDENTIFIER_SHAPE, NO_APP
from app.identity.keys import app_of_uploader
from app.json_models import ResponseBody, Time
from app.symbolication.chunks import Uploader
from app.symbolication.receive import receive_symbols
from app.symbolication.stored import Shown, delete_symbols, list_symbols, show_symbols
from app.symbols.contents import About
from app.web.api import tags
from app.web.api.openapi.words import BINARY, TEXT, body, query
from app.web.api.resource import Page, Paging, Resource
from app.web.auth import services
from app.web.request_body import BODY

resource = Resource("symbols", tags.SYMBOLS, url_prefix="/api/apps/<app_identifier>/symbols", access=Access.MEMBER)
SymbolsIdentifier = Annotated[str, Field(description="From the list of symbols")]

CHUNK = 1024 * 1024  # bytes
LONGEST_FILE = 3_600  # seconds that a member may take to send a file or a chunk of one


class ImageBody(ResponseBody):
    """An image, a mapping or a source map in a file."""

    debug_id: str | None = Field(examples=["0a0b0c0d-0000-4000-8000-000000000002"])
    kind: Literal["native", "mapping", "source_map"]
    arch: str | None
    name: str | None = Field(description="Of the file that it was in")


class SymbolsBody(ResponseBody, component="Symbols"):
    """A file of symbols."""

    identifier: str = Field(examples=["d41d8cd98f00b204e9800998"])
    name: str = Field(examples=["Notes.app.dSYM.zip"])
    kind: str | None = Field(examples=["macho"], description="elf, macho, breakpad, proguard, archive, bundle, …")
    state: SymbolState = Field(examples=["ready"])
    reason: str | None = Field(description="Why it is rejected")
    debug_ids: list[str] = Field(description="Of the images it describes; of a mapping its uuid")
    images: list[ImageBody] = Field(description="What it holds, the first 1,000")
    waiting_logs: int = Field(description="Digested before it came, and still to be grouped anew with it")
    version: str | None
    build: str | None
    size: int
    sha256: str | None = Field(description="null until a file of Sentry's tools is put together")
    received_at: Time


@resource.post(
    "", "addSymbols", "Send a file of debug information, a mapping, a source map, or a .zip of these", status=202,
    about="Stored; a worker reads it", errors=(400, 404, 409, 413, 415), access=Access.SENDER,
    more={
        "parameters": [
            query("name", {**TEXT, "examples": ["mapping.txt"]}, "Of the file"),
            query("version", TEXT, "Of the app, for mappings"),
            query("build", TEXT, "Of the app, for mappings"),
            query("debug_id", TEXT, "By which the file is to be found, too: the uuid that a build gives a mapping"),
        ],
        "requestBody": body(BINARY, "application/octet-stream"),
    },
)  # fmt: skip
def add(uploader: Uploader, app_identifier: str) -> SymbolsBody:
    """Store one file; 202 once its bytes and its row are durable. The sender has a token or an upload key."""
    if not IDENTIFIER_SHAPE.fullmatch(app_identifier):
        raise NotFound(NO_APP)
    app = app_of_uploader(services(), uploader, app_identifier)
    limit = services().config.max_symbol_bytes
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMedia("Send symbols as they are, without Content-Encoding")
    if (request.content_length or 0) > limit:
        raise TooLarge(f"The file is larger than {limit} bytes")
    unknown = set(request.args) - {*About._fields, "debug_id"}
    if unknown:
        raise BadParameters("Only name, version, build and debug_id are known here")
    request.max_content_length = None  # receive_symbols counts for itself
    about = About(*(request.args.get(field, "") for field in About._fields))
    found = receive_symbols(services(), app, about, chunks(request.stream), request.args.get("debug_id"))
    return symbols_body(show_symbols(services(), app, found.identifier))


@resource.get("", "listSymbols", "Symbols of an app", access=Access.VIEWER, about="Newest first")
def list_all(app: App, paging: Paging) -> Page[SymbolsBody]:
    """The files of the app, newest first."""
    return Page.of(list_symbols(services(), app, paging.limit, paging.offset), paging, symbols_body)


@resource.get("/<symbols_identifier>", "showSymbols", "A file of symbols", access=Access.VIEWER, about="The file")
def show(app: App, symbols_identifier: SymbolsIdentifier) -> SymbolsBody:
    """What became of one file."""
    return symbols_body(show_symbols(services(), app, symbols_identifier))


@resource.delete("/<symbols_identifier>", "deleteSymbols", "Delete a file of symbols", about="Deleted")
def remove(app: App, symbols_identifier: SymbolsIdentifier) -> None:
    """Delete a file and what was made of it."""
    delete_symbols(services(), app, symbols_identifier)


def chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """A request's body, a MiB at a time."""
    if BODY in request.environ:
        request.environ[BODY].may_take(LONGEST_FILE)
    while chunk := stream.read(CHUNK):
        yield chunk


def symbols_body(one: Shown) -> SymbolsBody:
    """A file with what it holds."""
    images = [ImageBody.of(image, debug_id=_debug_id(image)) for image in one.images]
    return SymbolsBody.of(
        one.file,
        debug_ids=[image.debug_id for image in images if image.debug_id],
        images=images,
        waiting_logs=one.waiting_logs,
        version=one.file.version or None,
        build=one.file.build or None,
        sha256=None if one.file.sha256.startswith(IN_CHUNKS) else one.file.sha256,
    )


def _debug_id(image: SymbolImage) -> str | None:
    """None for what is found by version and build alone."""
    return None if image.debug_id.startswith(RELEASE) else image.debug_id.removeprefix(UNWIND)
