"""The words that the OpenAPI description is put together from, and the headers that answers have."""

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

HEADERS: Json = {
    name: {"schema": schema, "description": description, "example": example}
    for name, schema, description, example in (
        ("X-Request-Id", TEXT, "Yours, if you sent a sane one; the same id stands in the logs", "3f9c0a7be4d21568"),
        ("X-Error-Code", TEXT, "Finer than `status` and stable; on errors raised on purpose", "job_not_found"),
        ("WWW-Authenticate", TEXT, "What is missing", "Token"),
        ("Retry-After", WHOLE, "Seconds until it is worth asking again", 1),
        ("X-Progress", TEXT, "`<done>/<total> <unit>`; while it is at work", "20000/119000 rows"),
        ("Preference-Applied", TEXT, "`wait=N` when the request was held", "wait=20"),
        ("ETag", TEXT, "Of a finished result or a file", '"8a5edab282632443219e051e4ade2d1d"'),
        ("Last-Modified", TEXT, "When the job finished", "Thu, 13 Sep 2018 12:00:02 GMT"),
        ("Expires", TEXT, "When the result is deleted", "Fri, 14 Sep 2018 12:00:02 GMT"),
        ("Cache-Control", TEXT, "`no-store` while it may change, `private` once it is finished", "no-store"),
        ("Vary", TEXT, "What else the answer depends on", "Accept-Encoding"),
        ("Link", TEXT, '`<…>; rel="next"` while there are more pages', '</api/apps?page=2&per_page=100>; rel="next"'),
        ("Location", TEXT, "Where to ask how far it is", "/api/apps/7b1d4f0a9c3e5d2b8a6f4e1c/erasures/c0ffee5a17e4b2d9c3f80146"),
        ("Accept-Ranges", TEXT, "`bytes`: a broken download can go on where it stopped", "bytes"),
        ("Content-Range", TEXT, "`bytes <first>-<last>/<size>`", "bytes 0-1023/4096"),
        ("Content-Disposition", TEXT, "The file's name", "attachment; filename=2544355787-1536831773-logs-00003-crash-1.json"),
        ("Content-Length", WHOLE, "Bytes that follow", 4096),
        ("X-Accel-Buffering", TEXT, "Tells nginx to pass each event on at once", "no"),
        ("X-Sentry-Error", TEXT, "On Sentry's two endpoints, the error's sentence for its SDKs", "The key is missing or unknown"),
        ("X-Sentry-Rate-Limits", TEXT, "`<seconds>::key`, for Sentry's SDKs", "12::key"),
        ("Access-Control-Expose-Headers", TEXT, "What that page may read", "X-Sentry-Error, X-Sentry-Rate-Limits, Retry-After"),
        ("Access-Control-Allow-Origin", TEXT, "The page's origin if it is listed; `*` for what Sentry's SDKs send", "*"),
    )
}  # fmt: skip

OF_EVERY_ANSWER = (
    "X-Request-Id",
    "Cache-Control",
    "Vary",
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
)
"""It may have these, whatever it is."""

KEPT = "ETag Last-Modified Expires Cache-Control"
"""Of what is finished."""

POLLED = f"{KEPT} Retry-After X-Progress Preference-Applied Vary"
"""Of every answer that is an envelope."""


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
