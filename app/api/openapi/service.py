"""The OpenAPI description of the service's own state and documents."""

from app.api.openapi.words import OPEN, TEXT, ApiSubject, Json, answer, object_of, operation, success_of

_TYPES = ("job", "part", "log", "regrouping", "symbols", "erasure", "export_run", "delivery")
_WAITING = {**dict.fromkeys(_TYPES), "log": 0, "job": 3}
_PARTS: Json = {
    **object_of({
        **{part: {"const": "up"} for part in ("database", "broker", "storage", "worker")},
        "canary": {"type": "string", "description": "How long ago the last one came through: `12 s ago`, `not yet`, `off`"},
        "oldest_waiting": {
            "anyOf": [object_of({name: {"type": ["integer", "null"], "minimum": 0} for name in _TYPES}), {"type": "null"}],
            "description": "Seconds that the oldest due work of each type has waited, null for none; it makes no service unready",
        },
    }),
    "examples": [{"database": "up", "broker": "up", "storage": "up", "worker": "up", "canary": "12 s ago",
                  "oldest_waiting": _WAITING}],
}  # fmt: skip
_UP = answer(success_of(object_of({"web": {"const": "up"}})), "Up")
_READY = answer(success_of(_PARTS), "All up")
_PAGE = answer(TEXT, "A page", media="text/html", headers="Vary")
_DOCUMENT: Json = {"type": "object", "examples": [{"openapi": "3.1.0"}]}

SUBJECT = ApiSubject(
    "Service",
    "Is it up, how busy is it, what can it do.",
    {
        "/healthz": {
            "get": operation("healthz", "The process is up", _UP, **OPEN),
        },
        "/readyz": {
            "get": operation("readyz", "Database, broker, storage and a worker are up", _READY, **OPEN),
        },
        "/metrics": {
            "get": operation("metrics", "Figures in Prometheus' text format", answer(TEXT, "Text", media="text/plain"), **OPEN),
        },
        "/api/openapi.json": {"get": operation("describe", "This document", answer(_DOCUMENT, "OpenAPI 3.1"), **OPEN)},
        "/docs": {"get": operation("docs", "This document for people", _PAGE, **OPEN)},
    },
)  # fmt: skip
