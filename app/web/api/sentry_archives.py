"""Archives of mappings and debug information in one piece, as sentry-cli 2 sends what `upload-proguard` is given."""

from collections.abc import Iterator
from typing import IO

from flask import request

from app.db.models.symbols import MAX_NAME
from app.errors import BadParameters, TooLarge
from app.identity.upload_keys import app_of_uploader
from app.symbolication.chunks import Uploader
from app.symbolication.receive import receive_symbols
from app.symbols.contents import About
from app.web.api import tags
from app.web.api.multipart_files import read_files
from app.web.api.openapi.words import BINARY, body, object_of
from app.web.api.resource import Document, Resource
from app.web.api.sentry_uploads import OVERHEAD, DebugFile, Organization, Project
from app.web.api.symbols import CHUNK, LONGEST_FILE
from app.web.auth import services
from app.web.request_body import BODY

MOST_FILES = 20  # of one request

resource = Resource("sentry_archives", tags.SENTRY, url_prefix="/api/0", strict_slashes=False)


@resource.post(
    "/projects/<organization>/<project>/files/dsyms/", "sendDebugArchive",
    "Send a .zip of mappings `proguard/<uuid>.txt` or of debug information, as the file of a form", status=201,
    about="Stored; a worker reads it, so nothing can be told of what is in it yet", errors=(400, 404, 409, 413),
    more={"requestBody": body(object_of({"file": BINARY}), "multipart/form-data")},
)  # fmt: skip
def send_archive(uploader: Uploader, organization: Organization, project: Project) -> Document[list[DebugFile]]:
    """Store the files of a form."""
    app = app_of_uploader(services(), uploader, project)
    limit = services().config.max_symbol_bytes
    if (request.content_length or 0) > limit + OVERHEAD:
        raise TooLarge(f"The file is larger than {limit} bytes")
    if request.mimetype != "multipart/form-data":
        raise BadParameters("Archives are sent as files of a form, multipart/form-data")
    request.max_content_length = None  # read_files counts for itself
    if BODY in request.environ:
        request.environ[BODY].may_take(LONGEST_FILE)
    files = [one for _, one in read_files(request.stream, limit + OVERHEAD, MOST_FILES)]
    try:
        if not files:
            raise BadParameters("The form has no file")
        for one in files:
            receive_symbols(services(), app, About((one.filename or "")[-MAX_NAME:]), _pieces(one.stream))
    finally:
        for one in files:
            one.close()
    return Document([])


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    while piece := stream.read(CHUNK):
        yield piece
