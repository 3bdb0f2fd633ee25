"""Forms of files and texts, read within limits out of a body that is in memory."""

import io

from flask import request
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser

from app.errors import BadParameters, TooLarge

MAX_FIELDS = 1_000  # of one form


def read_form(content: bytes, max_text: int) -> tuple[MultiDict[str, str], MultiDict[str, FileStorage]]:
    """(texts, files) of a body by the request's own boundary; `max_text` bytes of texts. Raises TooLarge or BadParameters."""
    parser = MultiPartParser(
        stream_factory=lambda *_, **__: io.BytesIO(), max_form_memory_size=max_text, max_form_parts=MAX_FIELDS
    )
    try:
        boundary = request.mimetype_params.get("boundary", "").encode("latin-1")
        return parser.parse(io.BytesIO(content), boundary, len(content))
    except RequestEntityTooLarge:
        raise TooLarge(f"The form has more than {MAX_FIELDS} fields or {max_text} bytes of text") from None
    except (ValueError, UnicodeError):
        raise BadParameters("The form is not whole multipart/form-data") from None
