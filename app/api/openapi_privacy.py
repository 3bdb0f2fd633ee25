"""The OpenAPI description of settings and erasures."""

from typing import Any

from app.ingest.rate import LOGS_PER_MINUTE
from app.privacy.settings import AGES, MAX_DAYS, MAX_LOGS_PER_MINUTE
from app.redaction.patterns import PATTERNS
from app.redaction.rules import MAX_FIELDS, MAX_REGEX, MAX_REGEXES

Json = dict[str, Any]

_TEXT: Json = {"type": "string"}
_WHOLE: Json = {"type": "integer"}
_TIME: Json = {"type": "string", "format": "date-time"}
_DAYS: Json = {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_DAYS, "description": "null: for ever"}

_LOGS: Json = {
    "type": ["integer", "null"],
    "minimum": 1,
    "maximum": MAX_LOGS_PER_MINUTE,
    "description": "null: any number",
}

_REDACTION: Json = {
    "type": ["object", "null"],
    "additionalProperties": False,
    "properties": {
        "patterns": {"type": "array", "items": {"type": "string", "enum": list(PATTERNS)}},
        "regexes": {
            "type": "array",
            "maxItems": MAX_REGEXES,
            "items": {
                "type": "object",
                "required": ["name", "regex"],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,32}$"},
                    "regex": {"type": "string", "maxLength": MAX_REGEX, "description": "In the syntax of RE2"},
                },
            },
        },
        "fields": {"type": "array", "maxItems": MAX_FIELDS, "items": _TEXT, "description": "user.email, …"},
        "raw_log": {"type": "boolean", "default": False, "description": "Leave the raw log in a zip all the same"},
    },
}

_SETTINGS: Json = {**dict.fromkeys(AGES, _DAYS), LOGS_PER_MINUTE: _LOGS, "redaction": _REDACTION}


def _object(properties: Json, *, required: bool = True) -> Json:
    names = {"required": list(properties)} if required else {}
    return {"type": "object", **names, "additionalProperties": False, "properties": properties}


SCHEMAS: Json = {
    "Settings": _object(_SETTINGS),
    "Erasure": _object(
        {
            "erasure_id": _TEXT,
            "status_url": {"type": "string", "description": "A path: ask it until `state` is finished"},
            "user_hash": {
                "type": "string",
                "description": "HMAC-SHA256 of app and user id, under the service's secret",
            },
            "state": {"type": "string", "enum": ["live", "finished"]},
            "step": {"type": ["string", "null"], "description": "What is at work"},
            "scan": {"type": "boolean", "description": "Every stored log of the app is read"},
            "progress": _object({"done": _WHOLE, "total": _WHOLE, "unit": _TEXT}),
            "removed": _object({"logs": _WHOLE, "occurrences": _WHOLE, "jobs": _WHOLE}),
            "created_at": _TIME,
            "finished_at": {"type": ["string", "null"], "format": "date-time"},
            "error_code": {"type": ["string", "null"], "description": "Of the latest trouble; it is tried again"},
        }
    ),
}

CHANGE: Json = {"required": True, "content": {"application/json": {"schema": _object(_SETTINGS, required=False)}}}
SCAN: Json = {
    "name": "scan",
    "in": "query",
    "schema": {"type": "boolean"},
    "description": "Read every stored log for the letters of the id; left out: when it has at least 6 characters",
}
USER_ID: Json = {
    "name": "user_id_in_app", "in": "path", "required": True, "schema": _TEXT, "description": "As the app's logs name the user",
}  # fmt: skip
ERASURE_ID: Json = {
    "name": "erasure_id", "in": "path", "required": True, "schema": _TEXT, "description": "From the answer to the DELETE",
}  # fmt: skip
