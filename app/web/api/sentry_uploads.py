"""Sentry's upload API: chunks of files, and the files that are put together from them."""

import re
import zlib
from collections.abc import Iterator
from typing import IO, Annotated, Any

from flask import request
from pydantic import Field, TypeAdapter, ValidationError

from app.db.models.symbols import SymbolFile, SymbolImage
from app.errors import BadParameters, TooLarge
from app.gunzip import TooManyMembers, gunzipped
from app.identity.access import Access
from app.identity.keys import app_of_uploader
from app.json_models import ForeignRequest, ForeignResponse
from app.parsers.sentry_contexts import release_parts
from app.symbolication.assembling import Assembly, AssemblyState, assemble, wanted_file
from app.symbolication.chunks import CHUNK, PER_REQUEST, REQUEST, SentChunk, Uploader, receive_chunks
from app.symbolication.stored import images_of_files
from app.symbols.contents import About
from app.web.api import tags
from app.web.api.multipart_files import files_of_form
from app.web.api.openapi.generated import body_schema
from app.web.api.openapi.words import BINARY, body, object_of
from app.web.api.request_values import json_object
from app.web.api.resource import BareDocument, Resource
from app.web.auth import services

CHUNKS = "/organizations/<organization>/chunk-upload/"
CONCURRENCY = 4  # requests that a tool sends at a time
MAX_WAIT = 300  # seconds that a tool waits for its files to be read
OVERHEAD = 64 * 1024  # bytes of a form beside its chunks
MAX_BODY = 4 * 1024 * 1024  # bytes of a request that names files
ACCEPTED = ["debug_files", "release_files", "pdbs", "portablepdbs", "sources", "artifact_bundles", "artifact_bundles_v2",
            "proguard"]  # fmt: skip
FILE, PACKED_FILE = "file", "file_gzip"

resource = Resource("sentry_uploads", tags.SENTRY, url_prefix="/api/0", strict_slashes=False, access=Access.SENDER)
Organization = Annotated[str, Field(description="Any text; apps belong to no organization", examples=["crashq"])]
Project = Annotated[
    str,
    Field(
        description="Identifier of the app, or the number at the end of its DSN", examples=["7b1d4f0a9c3e5d2b8a6f4e1c"]
    ),
]
_SHA1 = "2ef7bde608ce5404e97d5f042f95f89f1c232871"
_FILES_FORM = object_of({PACKED_FILE: BINARY, FILE: BINARY}, optional=(PACKED_FILE, FILE))


class ChunkOptions(ForeignResponse, component="ChunkUploadOptions"):
    """How a tool is to send chunks."""

    url: str = Field(examples=["https://crashq.example.com/api/0/organizations/crashq/chunk-upload/"])
    chunk_size: int = Field(examples=[CHUNK])
    chunks_per_request: int = Field(examples=[PER_REQUEST])
    max_request_size: int = Field(examples=[REQUEST])
    max_file_size: int = Field(examples=[536870912])
    max_wait: int = Field(examples=[MAX_WAIT])
    concurrency: int = Field(examples=[CONCURRENCY])
    hash_algorithm: str = Field(examples=["sha1"])
    compression: list[str] = Field(examples=[["gzip"]])
    accept: list[str] = Field(examples=[ACCEPTED])


class Nothing(ForeignResponse):
    """There is nothing to tell."""


class FileData(ForeignResponse):
    """Of a file of debug information."""

    features: list[str] = Field(examples=[["debug"]])


class DebugFile(ForeignResponse):
    """What a file of debug information is found to be."""

    id: str = Field(examples=["d41d8cd98f00b204e9800998"])
    uuid: str | None = Field(examples=["0a0b0c0d-0000-4000-8000-000000000002"])
    debug_id: str | None = Field(examples=["0a0b0c0d-0000-4000-8000-000000000002"])
    object_name: str = Field(examples=["Notes"])
    cpu_name: str = Field(examples=["arm64"])
    symbol_type: str = Field(examples=["macho"])
    sha1: str = Field(description="Empty of a file in an archive", examples=[_SHA1])
    data: FileData


class FileState(ForeignResponse, component="AssembledFile"):
    """How far a file is."""

    state: AssemblyState = Field(examples=["ok"])
    missing_chunks: list[str] = Field(description="SHA-1 of chunks to send", examples=[[]])
    detail: str | None = Field(description="Why it ended in error", examples=[None])


class DebugFileState(FileState, component="AssembledDebugFile"):
    """How far a file of debug information or a mapping is."""

    dif: DebugFile | None


class FileToAssemble(ForeignRequest):
    """A file of debug information, and the chunks that make it."""

    name: str = Field(default="", examples=["/proguard/0a0b0c0d-0000-4000-8000-000000000002.txt"])
    debug_id: str | None = Field(default=None, alias="debug_id")
    chunks: list[str] = Field(default=[], examples=[[_SHA1]])


class BundleToAssemble(ForeignRequest):
    """A bundle of source maps, and the chunks that make it."""

    checksum: str = Field(examples=[_SHA1])
    chunks: list[str] = Field(examples=[[_SHA1]])
    projects: list[str] = Field(min_length=1, max_length=20, examples=[["7b1d4f0a9c3e5d2b8a6f4e1c"]])
    version: str | None = Field(default=None, description="The release", examples=["com.example.notes@1.2"])
    dist: str | None = Field(default=None, examples=["45"])


_FILES: TypeAdapter[dict[str, FileToAssemble]] = TypeAdapter(dict[str, FileToAssemble])


@resource.get(CHUNKS, "showChunkOptions", "How to send chunks", about="The options")
def options(uploader: Uploader, organization: Organization) -> BareDocument[ChunkOptions]:
    """What a tool asks before it sends anything."""
    base = services().config.public_url or request.url_root.rstrip("/")
    return BareDocument(
        ChunkOptions(
            url=f"{base}/api/0/organizations/crashq/chunk-upload/",
            chunk_size=CHUNK,
            chunks_per_request=PER_REQUEST,
            max_request_size=REQUEST,
            max_file_size=services().config.max_symbol_bytes,
            max_wait=MAX_WAIT,
            concurrency=CONCURRENCY,
            hash_algorithm="sha1",
            compression=["gzip"],
            accept=ACCEPTED,
        )
    )


@resource.post(
    CHUNKS, "sendChunks", "Send chunks: files of a form, each named by its SHA-1", about="All are durable",
    errors=(400, 409, 413), more={"requestBody": body(_FILES_FORM, "multipart/form-data")},
)  # fmt: skip
def send_chunks(uploader: Uploader, organization: Organization) -> BareDocument[Nothing]:
    """Store the chunks of a form."""
    with files_of_form(REQUEST + OVERHEAD, PER_REQUEST) as files:
        if not files:
            raise BadParameters(f"The form has no file {FILE} or {PACKED_FILE}")
        receive_chunks(services(), uploader, (_chunk(name, one.filename or "", one.stream) for name, one in files))
    return BareDocument(Nothing())


@resource.post(
    "/projects/<organization>/<project>/files/difs/assemble/", "assembleDebugFiles",
    "Put files of debug information and mappings together from chunks, or see how far they are", about="SHA-1 -> the file",
    errors=(400, 404, 409, 413),
    more={"requestBody": body({"type": "object", "additionalProperties": body_schema(FileToAssemble),
                               "examples": [{_SHA1: {"name": "Notes", "chunks": [_SHA1]}}]})},
)  # fmt: skip
def assemble_debug_files(
    uploader: Uploader, organization: Organization, project: Project
) -> BareDocument[dict[str, DebugFileState]]:
    """Begin files whose chunks are all there, and tell of each how far it is."""
    app = app_of_uploader(services(), uploader, project)
    wanted = [
        wanted_file(checksum, one.chunks, About(one.name.strip()), one.debug_id) for checksum, one in _files().items()
    ]
    given = {one.checksum: one.ids for one in wanted}
    made = assemble(services(), app, uploader, wanted)
    images = images_of_files(services(), [one.file for one in made.values() if one.file])
    return BareDocument({
        checksum: DebugFileState(
            **_state(one), dif=_debug_file(checksum, one.file, images.get(one.file.id, []), given[checksum])
            if one.file and one.state == AssemblyState.OK else None,
        )
        for checksum, one in made.items()
    })  # fmt: skip


@resource.post(
    "/organizations/<organization>/artifactbundle/assemble/", "assembleBundle",
    "Put a bundle of source maps together from chunks, or see how far it is", about="The bundle",
    errors=(404, 409), max_body=MAX_BODY,
)  # fmt: skip
def assemble_bundle(uploader: Uploader, organization: Organization, body: BundleToAssemble) -> BareDocument[FileState]:
    """Begin a bundle for each of the projects."""
    _, version, build = release_parts(body.version)
    about = About("artifact bundle", version or "", build or body.dist or "")
    wanted = wanted_file(body.checksum, body.chunks, about)
    apps = [app_of_uploader(services(), uploader, one) for one in dict.fromkeys(body.projects)]
    made = [assemble(services(), app, uploader, [wanted])[body.checksum] for app in apps]
    return BareDocument(FileState(**_state(min(made, key=lambda one: _ORDER.index(one.state)))))


_ORDER = (AssemblyState.ERROR, AssemblyState.NOT_FOUND, AssemblyState.CREATED, AssemblyState.OK)
"""Of several apps' files, the state to answer: the worst."""


def _files() -> dict[str, FileToAssemble]:
    try:
        return _FILES.validate_python(json_object(MAX_BODY))
    except ValidationError as error:
        first = error.errors()[0]
        raise BadParameters(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _state(one: Assembly) -> dict[str, Any]:
    return {"state": one.state, "missing_chunks": one.missing, "detail": one.detail}


def _debug_file(checksum: str, file: SymbolFile, images: list[SymbolImage], given: list[str]) -> DebugFile:
    image = images[0] if images else None
    found = (given[0] if given else None) or (image.debug_id if image else None)
    return DebugFile(
        id=file.identifier,
        uuid=found,
        debug_id=found,
        object_name=(image.name if image else None) or file.name,
        cpu_name=(image.arch if image else None) or "any",
        symbol_type=file.kind or "",
        sha1=checksum,
        data=FileData(features=[]),
    )


def _chunk(field: str, name: str, stream: IO[bytes]) -> SentChunk:
    if field not in (FILE, PACKED_FILE) or not re.fullmatch(r"[0-9a-f]{40}", name):
        raise BadParameters(
            f"A chunk is a file {FILE} or {PACKED_FILE} of the form, named by its SHA-1 in lower-case hex"
        )
    content = bytearray()
    try:
        for piece in gunzipped(stream.read) if field == PACKED_FILE else _pieces(stream):
            content += piece
            if len(content) > CHUNK:
                raise TooLarge(f"The chunk {name} is larger than {CHUNK} bytes")
    except (zlib.error, EOFError, TooManyMembers):
        raise BadParameters(f"The chunk {name} is no whole gzip") from None
    return SentChunk(name, bytes(content))


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    while piece := stream.read(256 * 1024):
        yield piece
