"""The OpenAPI description of settings and erasures."""

from app.api.openapi.words import (
    FLAG,
    PAGING,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    TIME_OR_NULL,
    WHOLE,
    ApiSubject,
    Json,
    answer,
    body,
    change_of,
    described,
    object_of,
    one_of,
    operation,
    page_of,
    parameters,
    path,
    query,
    schema,
    success_of,
)
from app.crashes.splitting import BY, CONDITIONS, MAX_PATTERN, MAX_SPLITS
from app.ingest.rate import LOGS_PER_MINUTE
from app.ingest.splits import SPLITS
from app.privacy.settings import AGES, MAX_DAYS, MAX_LOGS_PER_MINUTE
from app.redaction.patterns import PATTERNS
from app.redaction.rules import MAX_FIELDS, MAX_REGEX, MAX_REGEXES

_DAYS: Json = {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_DAYS, "description": "null: for ever"}
_REGEX: Json = object_of({
    "name": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,32}$", "examples": ["staff"]},
    "regex": {"type": "string", "maxLength": MAX_REGEX, "description": "In the syntax of RE2"},
})  # fmt: skip
_REDACTION: Json = {
    **change_of({
        "patterns": {"type": "array", "items": one_of(*PATTERNS)},
        "regexes": {"type": "array", "maxItems": MAX_REGEXES, "items": _REGEX},
        "fields": {"type": "array", "maxItems": MAX_FIELDS, "items": TEXT, "description": "user.email, …"},
        "raw_log": {"type": "boolean", "default": False, "description": "Leave the raw log in a zip all the same"},
    }),
    "type": ["object", "null"],
    "examples": [{"patterns": ["email"], "regexes": [{"name": "staff", "regex": "S-[0-9]+"}], "fields": ["user.email"]}],
}  # fmt: skip
_LOGS: Json = {
    "type": ["integer", "null"], "minimum": 1, "maximum": MAX_LOGS_PER_MINUTE, "description": "null: any number",
}  # fmt: skip
_PATTERN: Json = {"type": "string", "minLength": 1, "maxLength": MAX_PATTERN, "description": "`*` stands for any text"}
_SPLIT: Json = object_of(
    {"name": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,32}$"}, **dict.fromkeys(CONDITIONS, _PATTERN),
     "by": {"type": ["string", "null"], "enum": [*BY, None]}},
    (*CONDITIONS, "by"),
) | {"examples": [{"name": "timeouts", "function": "*.Http.request", "message": "*timed out*"}]}  # fmt: skip
_SPLITS: Json = {"type": ["array", "null"], "maxItems": MAX_SPLITS, "items": _SPLIT,
                 "examples": [[{"name": "timeouts", "function": "*.Http.request", "message": "*timed out*"}]]}  # fmt: skip
_SETTINGS: Json = {**dict.fromkeys(AGES, _DAYS), LOGS_PER_MINUTE: _LOGS, SPLITS: _SPLITS, "redaction": _REDACTION}

_TRY: Json = {**TEXT, "examples": ["ada@example.com is S-12"]}
_TRIED: Json = {**TEXT, "examples": ["[email] is [staff]"]}

_SHOWN = answer(success_of(schema("Settings")), "All settings")
_ERASURE = success_of(schema("Erasure"))
_APP = parameters("app_identifier")
_SCAN = query(
    "scan", FLAG, "Read every stored log for the letters of the id; left out: when it has at least 6 characters"
)
_BASE = "/api/apps/{app_identifier}"

SUBJECT = ApiSubject(
    "Privacy",
    "How long data is kept, what is taken out of reports, and the erasure of a user.",
    {
        f"{_BASE}/settings": {
            "get": operation("showSettings", "How long data is kept and what is taken out of reports", _SHOWN, 401, 404,
                             parameters=_APP),
            "patch": operation("changeSettings", "Set what is given and leave the rest", _SHOWN, 400, 401, 404, 413,
                               parameters=_APP, requestBody=body(change_of(_SETTINGS))),
        },
        f"{_BASE}/settings/try": {
            "post": operation("tryRules", "What rules would make of a text; nothing is set",
                              answer(success_of(object_of({"text": _TRIED})), "The text as it would leave"),
                              400, 401, 404, 413, parameters=_APP,
                              requestBody=body(object_of({"text": _TRY, "redaction": _REDACTION}, ("redaction",)))),
        },
        f"{_BASE}/users/{{user_id_in_app}}": {
            "delete": operation(
                "eraseUser", "Erase a user: logs, occurrences, reports, batches",
                answer(_ERASURE, "The erasure that has begun, or was under way", 202, headers="Location Retry-After"),
                400, 401, 404, parameters=[*_APP, path("user_id_in_app", "As the app's logs name the user"), _SCAN],
            ),
        },
        f"{_BASE}/erasures": {
            "get": operation("listErasures", "Erasures", page_of(schema("Erasure"), "Newest first"), 400, 401, 404,
                             parameters=[*_APP, *PAGING]),
        },
        f"{_BASE}/erasures/{{erasure_id}}": {
            "get": operation("showErasure", "How far an erasure has come",
                             answer(_ERASURE, "The erasure", headers="Retry-After X-Progress"), 401, 404,
                             parameters=[*_APP, path("erasure_id", "From the answer to the DELETE")]),
        },
    },
    {
        "Settings": object_of(_SETTINGS),
        "Erasure": object_of({
            "erasure_id": TEXT,
            "status_url": described(TEXT, "A path: ask it until `state` is finished"),
            "user_hash": described(TEXT, "HMAC-SHA256 of app and user id, under the service's secret"),
            "state": {**one_of("live", "finished"), "examples": ["finished"]},
            "step": described(TEXT_OR_NULL, "What is at work"),
            "scan": described(FLAG, "Every stored log of the app is read"),
            "progress": {**object_of({"done": WHOLE, "total": WHOLE, "unit": TEXT}),
                         "examples": [{"done": 4, "total": 4, "unit": "logs"}]},
            "removed": object_of({"logs": WHOLE, "occurrences": WHOLE, "jobs": WHOLE}),
            "created_at": TIME,
            "finished_at": TIME_OR_NULL,
            "error_code": described(TEXT_OR_NULL, "Of the latest trouble; it is tried again"),
        }),
    },
)  # fmt: skip
