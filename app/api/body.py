"""The body of an upload, unpacked within the limit of a log."""

from flask import request

from app.api.context import services
from app.errors import TooLarge
from app.ingest.unpacking import read_body


def unpacked_body() -> bytes:
    """Read the request's body. Raises TooLarge, UnsupportedMedia or BadParameters."""
    limit = services().config.max_log_bytes
    if (request.content_length or 0) > limit:
        raise TooLarge(f"The log is larger than {limit} bytes")
    request.max_content_length = None  # read_body counts for itself, packed and unpacked
    return read_body(request.stream, request.headers.get("Content-Encoding", ""), limit)
