"""The endpoint for Unreal Engine's crash reporter, at Sentry's address for it."""

from typing import Annotated

from flask import Response
from pydantic import Field

from app.identity.access import Access
from app.ingest.receive import receive_first
from app.ingest.unpacking import Readable
from app.ingest.unreal import TIMES, log_of_unreal
from app.web.api import tags
from app.web.api.body import Upload
from app.web.api.openapi.words import BINARY, TEXT, answer
from app.web.api.resource import Resource
from app.web.api.sender_key import ERRORS, Project, sender_of, sent
from app.web.auth import services

resource = Resource(
    "unreal", tags.SENDERS, url_prefix="/api/<int:project>/unreal", strict_slashes=False, access=Access.SENDER
)
Key = Annotated[str, Field(description="The app's ingest key", examples=["0123456789abcdef0123456789abcdef"])]


@resource.post(
    "/<key>/", "sendUnrealCrash", "Unreal Engine's crash reporter: `DataRouterUrl`", errors=ERRORS,
    responses=answer(TEXT, "The log's name", media="text/plain"),
    more=sent({"application/octet-stream": BINARY}, security=[]),
)  # fmt: skip
def crash(project: Project, key: Key) -> Response:
    """Store the minidump of the crash, with fields of its context; logs and settings beside it are dropped."""
    app = sender_of(project, key)
    found = ("", b"")

    def read(stream: Readable, max_bytes: int) -> bytes:
        nonlocal found
        found = log_of_unreal(stream, max_bytes)
        return b""

    with Upload(TIMES) as upload:
        upload.reduced(read)
    log_id, content = found
    receive_first(services(), app, log_id, content)
    return Response(f"{log_id}\n", mimetype="text/plain")
