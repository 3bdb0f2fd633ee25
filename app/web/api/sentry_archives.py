"""What `upload-proguard` of sentry-cli 2 calls: archives in one piece, and the release that a mapping is said to be of."""

from collections.abc import Iterator
from typing import IO

from flask import Response
from pydantic import Field

from app.db.models.symbols import MAX_NAME, SymbolFile
from app.errors import BadParameters
from app.identity.access import Access
from app.identity.keys import app_of_uploader
from app.json_models import ForeignRequest
from app.symbolication.chunks import Uploader
from app.symbolication.receive import receive_symbols
from app.symbols.archives import names_in
from app.symbols.contents import About, id_in_name
from app.web.api import answers, tags
from app.web.api.multipart_files import files_of_form
from app.web.api.openapi.words import BINARY, body, object_of
from app.web.api.resource import BareDocument, Resource
from app.web.api.sentry_uploads import OVERHEAD, DebugFile, FileData, Organization, Project
from app.web.api.symbols import CHUNK
from app.web.auth import services

MOST_FILES = 20  # of one request

resource = Resource("sentry_archives", tags.SENTRY, url_prefix="/api/0", strict_slashes=False, access=Access.SENDER)
_RELEASE, _UUID = "com.example.notes@1.2+45", "0a0b0c0d-0000-4000-8000-00000000000a"

_NULL = {
    "200": {"description": "Nothing", "content": {"application/json": {"schema": {"type": "null"}, "example": None}}}
}


class MappingOfRelease(ForeignRequest):
    """A release, and the uuid of its mapping."""

    release_name: str = Field(alias="release_name", examples=[_RELEASE])
    proguard_uuid: str = Field(alias="proguard_uuid", examples=[_UUID])


@resource.post(
    "/projects/<organization>/<project>/files/dsyms/", "sendDebugArchive",
    "Send a .zip of mappings `proguard/<uuid>.txt` or of debug information, as the file of a form", status=201,
    about="Stored; a worker reads it. Of what is in it only mappings can be told, by their names", errors=(400, 404, 409, 413),
    more={"requestBody": body(object_of({"file": BINARY}), "multipart/form-data")},
)  # fmt: skip
def send_archive(uploader: Uploader, organization: Organization, project: Project) -> BareDocument[list[DebugFile]]:
    """Store the files of a form."""
    app = app_of_uploader(services(), uploader, project)
    with files_of_form(services().config.max_symbol_bytes + OVERHEAD, MOST_FILES) as files:
        if not files:
            raise BadParameters("The form has no file")
        made = []
        for _, one in files:
            file = receive_symbols(services(), app, About((one.filename or "")[-MAX_NAME:]), _pieces(one.stream))
            made += [debug_file(file, name) for name in names_in(one.stream) if id_in_name(name)]
    return BareDocument(made)


@resource.post(
    "/projects/<organization>/<project>/files/proguard-artifact-releases/", "associateMapping",
    "Name the release of a mapping. Nothing is kept of it: the uuid names the frames", about="Nothing",
    errors=(400, 404), responses=_NULL,
)  # fmt: skip
def associate_mapping(
    uploader: Uploader, organization: Organization, project: Project, body: MappingOfRelease
) -> Response:
    """Let older builds pass, which name the release too; in Sentry, no frame is found by it either."""
    app_of_uploader(services(), uploader, project)
    if id_in_name(body.proguard_uuid) is None:
        raise BadParameters("proguard_uuid has to be a UUID")
    return answers.document(None)  # sentry-cli reads no other body


def debug_file(file: SymbolFile, name: str) -> DebugFile:
    """A mapping in an archive, by its name."""
    found = id_in_name(name)
    return DebugFile(
        id=file.identifier,
        uuid=found,
        debug_id=found,
        object_name="proguard-mapping",
        cpu_name="any",
        symbol_type="proguard",
        sha1="",
        data=FileData(features=["mapping"]),
    )


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    while piece := stream.read(CHUNK):
        yield piece
