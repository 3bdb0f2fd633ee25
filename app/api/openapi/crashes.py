"""The OpenAPI description of one crash and its grouping."""

from app.api.openapi.words import (
    FLAG,
    TEXT,
    TIME,
    WHOLE,
    ApiSubject,
    Json,
    answer,
    body,
    list_of,
    object_of,
    operation,
    parameters,
    path,
    schema,
    success_of,
)

_CRASH = answer(success_of(schema("CrashInFull")), "The crash")
_ONE = parameters("crash_identifier")
_WHY: Json = {
    **object_of({"rule": TEXT, "version": {**WHOLE, "examples": [2]}, "parts": list_of(TEXT),
                 "symbols": {**FLAG, "description": "Names came from symbols"}}),
    "type": ["object", "null"],
    "description": "What the fingerprint was made of; null for a crash made before this was kept",
}  # fmt: skip
_MERGED = object_of({
    "identifier": {**TEXT, "examples": ["61f0a2c4e8b3d5976a4c2e10"]}, "title": TEXT,
    "fingerprint": {**TEXT, "examples": ["5d2c7e9f0a1b3c4d6e8f70819a2b3c4d"]}, "why": schema("Why"), "decided_at": TIME,
    "moving": FLAG,
})  # fmt: skip

SUBJECT = ApiSubject(
    "Crashes",
    "A crash, why its occurrences are one, and what people decide about that.",
    {
        "/api/crashes/{crash_identifier}": {
            "get": operation("showCrash", "A crash, and why its occurrences are one", _CRASH, 401, 404, parameters=_ONE),
        },
        "/api/crashes/{crash_identifier}/merge": {
            "post": operation("mergeCrash", "Count its occurrences in another crash, now and from now on", _CRASH,
                              400, 401, 404, 409, 413, parameters=_ONE, requestBody=body(object_of({"into": TEXT}))),
        },
        "/api/crashes/{crash_identifier}/split": {
            "post": operation("splitCrash", "Make what was merged into it a crash of its own again", _CRASH,
                              400, 401, 404, 413, parameters=_ONE, requestBody=body(object_of({"fingerprint": TEXT}))),
        },
    },
    {
        "Why": _WHY,
        "CrashInFull": object_of({
            "identifier": TEXT, "title": TEXT, "app_identifier": TEXT, "first_seen": TIME, "last_seen": TIME,
            "occurrences_count": WHOLE, "versions": list_of(TEXT), "fingerprint": TEXT, "why": schema("Why"),
            "merged": list_of(_MERGED),
        }),
    },
    {"crash_identifier": path("crash_identifier", "24 hex digits, from the list of an app's crashes")},
)  # fmt: skip
