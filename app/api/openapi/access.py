"""The OpenAPI description of members, ingest keys and personal keys."""

from app.api.openapi.words import (
    BARE_SUCCESS,
    PAGING,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    TIME_OR_NULL,
    ApiSubject,
    Json,
    answer,
    body,
    described,
    list_of,
    object_of,
    operation,
    page_of,
    parameters,
    path,
    schema,
    success_of,
)
from app.keys import MAX_DAYS

_APP = parameters("app_identifier")
_DONE = answer(BARE_SUCCESS, "Done")
_IDENTIFIER: Json = {**TEXT, "examples": ["b6f2d9c04e7a1358b6f2d9c0"]}
_NAME: Json = {**TEXT, "examples": ["Nightly script"]}
_PERSONAL: Json = {
    "identifier": _IDENTIFIER,
    "name": _NAME,
    "created_at": TIME,
    "expires_at": TIME,
    "last_used_at": described(TIME_OR_NULL, "To the hour"),
}
_DAYS: Json = {"type": "integer", "minimum": 1, "maximum": MAX_DAYS, "default": 365}
_BASE = "/api/apps/{app_identifier}"

SUBJECT = ApiSubject(
    "Members and keys",
    "Who may see an app, what its copies send with, and keys for scripts.",
    {
        f"{_BASE}/members": {
            "get": operation("listMembers", "Who may see an app", page_of(schema("Member"), "By e-mail"), 400, 401, 404,
                             parameters=[*_APP, *PAGING]),
            "post": operation("addMember", "Let a user see an app", answer(success_of(schema("Member")), "The member", 201),
                              400, 401, 404, 409, 413, parameters=_APP, requestBody=body(object_of({"email": TEXT}))),
        },
        f"{_BASE}/members/{{email}}": {
            "delete": operation("removeMember", "Let a member see an app no more; not the last one", _DONE, 401, 404, 409,
                                parameters=[*_APP, path("email", "Of a member")]),
        },
        f"{_BASE}/keys": {
            "get": operation("listIngestKeys", "Ingest keys of an app and their DSNs",
                             answer(success_of(list_of(schema("IngestKey"))), "Oldest first"), 401, 404, parameters=_APP),
            "post": operation("addIngestKey", "Make one more ingest key",
                              answer(success_of(schema("IngestKey")), "The key", 201),
                              400, 401, 404, 409, 413, parameters=_APP, requestBody=body(object_of({"name": _NAME}))),
        },
        f"{_BASE}/keys/{{key_identifier}}": {
            "delete": operation("revokeIngestKey", "Let nobody send with a key any more", _DONE, 401, 404,
                                parameters=[*_APP, *parameters("key_identifier")]),
        },
        "/api/tokens": {
            "get": operation("listPersonalKeys", "Your keys", page_of(schema("PersonalKey"), "Newest first"), 400, 401,
                             parameters=PAGING),
            "post": operation("addPersonalKey", "Make a key that may do what you may; not with a key",
                              answer(success_of(object_of({**_PERSONAL, "token": described(TEXT, "Told only here")})),
                                     "The key", 201, headers="Cache-Control"),
                              400, 401, 409, 413,
                              requestBody=body(object_of({"name": _NAME, "expires_in_days": _DAYS}, ("expires_in_days",)))),
        },
        "/api/tokens/{key_identifier}": {
            "delete": operation("revokePersonalKey", "End a key", _DONE, 401, 404, parameters=parameters("key_identifier")),
        },
    },
    {
        "Member": object_of({"email": TEXT}),
        "IngestKey": object_of({
            "identifier": _IDENTIFIER, "name": {**TEXT, "examples": ["First key"]},
            "key": described(TEXT_OR_NULL, "null where only its hash is kept"),
            "dsn": described(TEXT_OR_NULL, "What Sentry's SDKs are given"), "created_at": TIME,
        }),
        "PersonalKey": object_of(_PERSONAL),
    },
    {"key_identifier": path("key_identifier", "From the list of keys")},
)  # fmt: skip
