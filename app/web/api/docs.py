"""The description of the API, for programs and for people."""

import base64
import gzip
import hashlib
import re
from collections.abc import Callable
from functools import cache
from urllib.parse import quote

from flask import Response, current_app, render_template, request

from app.identity.access import Access
from app.web.api import answers, tags
from app.web.api.docs_view import subjects, ticked
from app.web.api.openapi.words import TEXT, Json, answer
from app.web.api.resource import Resource

OPENAPI = "crashq.openapi"  # a function that returns the document
THEMES = ("light", "dark")
THEME_COOKIE = "crashq_theme"  # the console's button sets it

resource = Resource("docs", tags.SERVICE, template_folder="templates", access=Access.OPEN)


@resource.get(
    "/api/openapi.json", "describe", "This document", is_open=True,
    responses=answer({"type": "object", "examples": [{"openapi": "3.1.0"}]}, "OpenAPI 3.1"),
)  # fmt: skip
def describe() -> Response:
    """The OpenAPI document."""
    return answers.document({**_document(), "servers": [{"url": quote(request.script_root) or "/"}]})


@resource.get(
    "/docs", "docs", "This document for people", is_open=True,
    responses=answer(TEXT, "A page", media="text/html", headers="Vary"),
)  # fmt: skip
def page() -> Response:
    """The same as one self-contained page."""
    theme = request.cookies.get(THEME_COOKIE, "")
    content, packed, policy = _page(theme if theme in THEMES else "", request.script_root)
    is_packed = bool(request.accept_encodings["gzip"])
    response = Response(packed if is_packed else content, mimetype="text/html")
    if is_packed:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding, Cookie"
    response.headers["Content-Security-Policy"] = policy
    return response


def _document() -> Json:
    made: Callable[[], Json] = current_app.extensions[OPENAPI]
    return made()


@cache
def _page(theme: str, root: str) -> tuple[bytes, bytes, str]:
    """(the page, the same as gzip, its policy), made once: nothing of it depends on who asks."""
    document = _document()
    text = render_template(
        "docs.html", document=document, subjects=subjects(document), ticked=ticked, theme=theme, root=root
    )
    policy = (
        f"default-src 'none'; style-src {_hash_of('style', text)}; script-src {_hash_of('script', text)}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return text.encode(), gzip.compress(text.encode(), 9, mtime=0), policy


def _hash_of(element: str, text: str) -> str:
    """What allows the page's one inline style or script, and no other."""
    [content] = re.findall(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
