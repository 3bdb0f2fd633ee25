"""The words that the OpenAPI description is put together from."""

from typing import Any

from app.errors import STATUS_WORDS

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
TIME: Json = {"type": "string", "format": "date-time"}
TIME_OR_NULL: Json = {"type": ["string", "null"], "format": "date-time"}
WHOLE: Json = {"type": "integer"}

POLL_HEADERS: Json = {
    "Retry-After": {"schema": WHOLE, "description": "Seconds until the next poll is worth it; while loading"},
    "X-Progress": {"schema": TEXT, "description": "`<done>/<total> <unit>`; while loading"},
    "ETag": {"schema": TEXT, "description": "Of a finished result"},
    "Last-Modified": {"schema": TEXT, "description": "When the job finished"},
    "Expires": {"schema": TEXT, "description": "When the result is deleted"},
    "Preference-Applied": {"schema": TEXT, "description": "`wait=N` when the request was held"},
}
"""Of every answer that is an envelope."""


def object_of(properties: Json, optional: tuple[str, ...] = ()) -> Json:
    """An object of these properties and no others."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "additionalProperties": False, "properties": properties}


def success_of(result: Json) -> Json:
    """`{"success":true,"result":…}`."""
    return object_of({"success": {"const": True}, "result": result})


def ref(kind: str, name: str) -> Json:
    """What stands under components."""
    return {"$ref": f"#/components/{kind}/{name}"}


def json_answer(schema: Json, description: str, **more: Any) -> Json:
    """An answer with a JSON body."""
    return {"description": description, "content": {"application/json": {"schema": schema}}, **more}


def list_of(schema: Json) -> Json:
    """An array."""
    return {"type": "array", "items": schema}


def operation(name: str, summary: str, ok: Json, *errors: int, **more: Any) -> Json:
    """An operation with its answer and the errors it may give."""
    status, answer = ("202" if name in ("uploadLog", "eraseUser") else "200"), ok
    failures = {str(code): ref("responses", STATUS_WORDS[code]) for code in (*errors, 500, 503)}
    return {"operationId": name, "summary": summary, "responses": {status: answer, **failures}, **more}


def path(name: str, description: str) -> Json:
    """A parameter in the path."""
    return {"name": name, "in": "path", "required": True, "schema": TEXT, "description": description}


def query(name: str, schema: Json, description: str) -> Json:
    """A parameter of the query."""
    return {"name": name, "in": "query", "schema": schema, "description": description}


def body_of(name: str) -> Json:
    """A request body with one text in it."""
    return {"required": True, "content": {"application/json": {"schema": object_of({name: TEXT})}}}
