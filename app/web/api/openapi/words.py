"""The words that the OpenAPI description is put together from."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from app.errors import STATUS_WORDS

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
TEXT_OR_NULL: Json = {"type": ["string", "null"]}
TIME: Json = {"type": "string", "format": "date-time"}
TIME_OR_NULL: Json = {"type": ["string", "null"], "format": "date-time"}
DAY: Json = {"type": "string", "format": "date", "description": "UTC day"}
WHOLE: Json = {"type": "integer"}
WHOLE_OR_NULL: Json = {"type": ["integer", "null"]}
FLAG: Json = {"type": "boolean"}
BINARY: Json = {"type": "string", "format": "binary"}

OPEN: Json = {"security": []}
"""Of an operation that needs no token."""


@dataclass(frozen=True)
class ApiSubject:
    """What one module of this package describes."""

    tag: str  # heading
    about: str  # one sentence below it
    paths: Json
    schemas: Json = field(default_factory=dict)
    parameters: Json = field(default_factory=dict)


def object_of(properties: Json, optional: tuple[str, ...] = ()) -> Json:
    """An object of these properties and no others."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "additionalProperties": False, "properties": properties}


def success_of(result: Json) -> Json:
    """`{"success":true,"result":…}`."""
    return object_of({"success": {"const": True}, "result": result})


BARE_SUCCESS: Json = object_of({"success": {"const": True}})
"""`{"success":true}`."""


def list_of(schema: Json) -> Json:
    """An array."""
    return {"type": "array", "items": schema}


def one_of(*values: str) -> Json:
    """One of these texts."""
    return {"type": "string", "enum": list(values)}


def described(schema: Json, description: str) -> Json:
    """The same schema with a sentence."""
    return {**schema, "description": description}


def ref(kind: str, name: str) -> Json:
    """What stands under components."""
    return {"$ref": f"#/components/{kind}/{name}"}


def schema(name: str) -> Json:
    """A schema of the components."""
    return ref("schemas", name)


def parameters(*names: str) -> list[Json]:
    """Parameters of the components."""
    return [ref("parameters", name) for name in names]


PAGING = parameters("page", "per_page")


def path(name: str, description: str) -> Json:
    """A parameter in the path."""
    return {"name": name, "in": "path", "required": True, "schema": TEXT, "description": description}


def query(name: str, schema: Json, description: str) -> Json:
    """A parameter of the query."""
    return {"name": name, "in": "query", "schema": schema, "description": description}


def header(name: str, schema: Json, description: str) -> Json:
    """A parameter among the headers."""
    return {"name": name, "in": "header", "schema": schema, "description": description}


def answer(
    schema: Json | None, description: str, status: int = 200, *, media: str = "application/json", headers: str = ""
) -> Json:
    """{status: an answer with a body of that schema and media type, or none}; `headers` names those of the components."""
    found: Json = {"description": description}
    if headers:
        found["headers"] = {name: ref("headers", name) for name in headers.split()}
    if schema is not None:
        found["content"] = {media: {"schema": schema}}
    return {str(status): found}


def page_of(schema: Json, order: str) -> Json:
    """An answer with a page of a list."""
    return answer(success_of(list_of(schema)), order, headers="Link")


def failures(*codes: int) -> Json:
    """Answers in the shape of errors."""
    return {str(code): ref("responses", STATUS_WORDS[code]) for code in codes}


def operation(name: str, summary: str, answers: Json, *errors: int, **more: Any) -> Json:
    """An operation with its answers and the errors it may give beside those that any may, or any that takes a body."""
    any_may = (408, 500, 503) if 413 in errors else (500, 503)
    return {"operationId": name, "summary": summary, **more, "responses": {**answers, **failures(*errors, *any_may)}}


def body(schema: Json, *media: str, required: bool = True) -> Json:
    """A request's body, JSON unless media types are named."""
    return {"required": required, "content": {name: {"schema": schema} for name in media or ("application/json",)}}


def error_answer(status: int) -> Json:
    """The answer in the shape of errors, with the headers that such a one has."""
    own = {401: "WWW-Authenticate", 429: "Retry-After X-Sentry-Rate-Limits", 503: "Retry-After"}.get(status, "")
    [made] = answer(
        schema("Error"), HTTPStatus(status).phrase, status, headers=f"X-Error-Code X-Sentry-Error Cache-Control {own}"
    ).values()
    return dict(made)
