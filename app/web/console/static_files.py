"""The console's own files: styles, ES modules, icons. Their address has a hash of them all, so that it is kept for ever."""

import gzip
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from flask import Blueprint, Response, request, url_for

from app.errors import NotFound
from app.identity.access import Access
from app.web.console.page_access import needs

FOLDER = Path(__file__).with_name("static")
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_IMPORT = re.compile(r"""^(?:import|export)\b[^"';]*["']\./([\w.-]+)["']""", re.MULTILINE)
KEPT = "public, max-age=31536000, immutable"

blueprint = Blueprint("static_files", __name__)


class StaticFile(NamedTuple):
    """One file, as it is sent."""

    content: bytes
    packed: bytes  # the same as gzip
    media_type: str


@cache
def files() -> dict[str, StaticFile]:
    """Name -> file: some dozens of KB in all, read once."""
    found = {}
    for path in sorted(FOLDER.iterdir()):
        if path.suffix in TYPES:
            content = path.read_bytes()
            found[path.name] = StaticFile(content, gzip.compress(content, 9, mtime=0), TYPES[path.suffix])
    return found


@cache
def version() -> str:
    """Of all files together, because modules import each other by names beside their own."""
    hashed = hashlib.sha256()
    for name, file in files().items():
        hashed.update(f"{name} {len(file.content)}\n".encode() + file.content)
    return hashed.hexdigest()[:16]


@cache
def imports(name: str) -> tuple[str, ...]:
    """The modules that a module imports, and those that these import: so a page can name them all, and wait once."""
    found: dict[str, None] = {}
    waiting = [name]
    while waiting:
        for other in _IMPORT.findall(files()[waiting.pop()].content.decode()):
            if other not in found and other != name:
                found[other] = None
                waiting.append(other)
    return tuple(sorted(found))


def address(name: str) -> str:
    """Where a file is. Raises KeyError for one that is not there, so that a slip in a template shows at once."""
    files()[name]
    return url_for("console.static_files.serve", version=version(), name=name)


@blueprint.get("/static/<version>/<name>")
@needs(Access.OPEN)
def serve(version: str, name: str) -> Response:
    """A file; kept for ever under its own version, not at all under another, which a deploy may cause to be asked for."""
    file = files().get(name)
    if file is None:
        raise NotFound("There is no such file")
    is_packed = bool(request.accept_encodings["gzip"])
    response = Response(file.packed if is_packed else file.content, mimetype=file.media_type)
    if is_packed:
        response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    response.headers["Cache-Control"] = KEPT if version == globals()["version"]() else "no-store"
    return response
