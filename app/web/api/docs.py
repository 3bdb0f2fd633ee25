"""The description of the API, for programs and for people."""

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote

from flask import Response, current_app, render_template, request
from markupsafe import Markup, escape

from app.identity.access import Access
from app.web.api import answers, tags
from app.web.api.openapi.words import OF_EVERY_ANSWER, TEXT, Json, answer
from app.web.api.resource import Resource

OPENAPI = "crashq.openapi"  # a function that returns the document
THEMES = ("light", "dark")
THEME_COOKIE = "crashq_theme"  # the console's button sets it

_TICKED = re.compile(r"`([^`]+)`")


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


@dataclass(frozen=True)
class Field:
    """A parameter, or a property somewhere in a body."""

    name: str  # `result[].identifier` for what lies deeper
    type: str
    description: str
    is_required: bool = False
    place: str = ""  # of a parameter: path, query or header
    example: str = ""


@dataclass(frozen=True)
class Sample:
    """A body: its media type, its fields and examples of it."""

    media: str
    fields: list[Field]
    examples: list[tuple[str, str]]  # (name or nothing, text)


@dataclass(frozen=True)
class AnswerView:
    """An answer by its status."""

    status: str
    description: str
    headers: list[Field]
    samples: list[Sample]

    @property
    def is_error(self) -> bool:
        """True of those that all have one shape."""
        return self.status >= "400"


@dataclass(frozen=True)
class ShownOperation:
    """One method of one path."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    access: str
    parameters: list[Field]
    bodies: list[Sample]
    answers: list[AnswerView]

    @property
    def words(self) -> str:
        """What a search looks at."""
        names = (field.name for field in self.parameters)
        return " ".join((self.method, self.path, self.id, self.summary, self.description, *names)).lower()


@dataclass(frozen=True)
class DocsSubject:
    """A heading and the operations below it."""

    name: str
    about: str
    operations: list[ShownOperation]

    @property
    def anchor(self) -> str:
        """Its place on the page."""
        return "about-" + self.name.lower().replace(" ", "-")


def subjects(document: Json) -> list[DocsSubject]:
    """The whole document, in its order."""
    reader = _PageReader(document)
    found: dict[str, list[ShownOperation]] = {tag["name"]: [] for tag in document["tags"]}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            found[operation["tags"][0]].append(reader.operation(method, path, operation))
    return [DocsSubject(tag["name"], tag["description"], found[tag["name"]]) for tag in document["tags"]]


def ticked(text: str) -> Markup:
    """Text with what stands between backticks as code."""
    return Markup(_TICKED.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  it has just been escaped


class _PageReader:
    def __init__(self, document: Json) -> None:
        self._document = document

    def operation(self, method: str, path: str, operation: Json) -> ShownOperation:
        return ShownOperation(
            operation["operationId"], method.upper(), path, operation["summary"], operation.get("description", ""),
            self._access(operation), [self._parameter(one) for one in operation.get("parameters", [])],
            self._samples(operation.get("requestBody", {})),
            [self._answer(status, answer) for status, answer in sorted(operation["responses"].items())],
        )  # fmt: skip

    def _access(self, operation: Json) -> str:
        wanted = operation.get("security", self._document["security"])
        if not wanted:
            return "no token needed"
        return "by ingest key" if any("senderKey" in way for way in wanted) else ""

    def _parameter(self, given: Json) -> Field:
        one = self._behind(given)
        return Field(
            one["name"], self._type(one["schema"]), one.get("description", ""), one.get("required", False), one["in"],
            str(one.get("example", "")),
        )  # fmt: skip

    def _answer(self, status: str, given: Json) -> AnswerView:
        answer = self._behind(given)
        headers = []
        for name, header in answer.get("headers", {}).items():
            if name in OF_EVERY_ANSWER:
                continue
            full_header = self._behind(header)
            headers.append(
                Field(
                    name,
                    self._type(full_header["schema"]),
                    full_header["description"],
                    example=str(full_header["example"]),
                )
            )
        return AnswerView(status, answer["description"], headers, self._samples(answer))

    def _samples(self, holder: Json) -> list[Sample]:
        found = []
        for media, content in holder.get("content", {}).items():
            several = content.get("examples", {"": {"value": content["example"]}} if "example" in content else {})
            examples = [(name, _text(one["value"])) for name, one in several.items()]
            found.append(Sample(media, list(self._fields("", content["schema"])), examples))
        return found

    def _fields(self, above: str, given: Json) -> Iterator[Field]:
        schema = self._behind(given)
        if "anyOf" in schema:  # an object or null
            yield from self._fields(above, schema["anyOf"][0])
        if "items" in schema:
            yield from self._fields(f"{above}[]", schema["items"])
        required = schema.get("required", [])
        for name, inner in schema.get("properties", {}).items():
            inner_schema, full = self._behind(inner), f"{above}.{name}" if above else name
            description = inner.get("description", inner_schema.get("description", ""))
            yield Field(full, self._type(inner_schema), description, name in required)
            yield from self._fields(full, inner_schema)

    def _type(self, given: Json) -> str:
        schema = self._behind(given)
        if "const" in schema:
            return json.dumps(schema["const"])
        if "enum" in schema:
            return " | ".join(str(value) for value in schema["enum"])
        for several in ("oneOf", "anyOf"):
            if several in schema:
                return " or ".join(self._type(one) for one in schema[several])
        kinds = schema.get("type", "any")
        names = [kinds] if isinstance(kinds, str) else kinds
        shown = [f"list of {self._type(schema['items'])}" if kind == "array" else kind for kind in names]
        more = f", {schema['format']}" if "format" in schema else ""
        limits = [f"≥ {schema['minimum']}"] if "minimum" in schema else []
        limits += [f"≤ {schema['maximum']}"] if "maximum" in schema else []
        return " or ".join(shown) + more + "".join(f", {limit}" for limit in limits)

    def _behind(self, node: Json) -> Json:
        if "$ref" not in node:
            return node
        _, _, kind, name = node["$ref"].split("/")
        found: Json = self._document["components"][kind][name]
        return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
