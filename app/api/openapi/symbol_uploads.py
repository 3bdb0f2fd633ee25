"""The OpenAPI description of symbols that come in chunks."""

from app.api.openapi.words import (
    BARE_SUCCESS,
    BINARY,
    TEXT,
    TEXT_OR_NULL,
    TIME_OR_NULL,
    WHOLE,
    WHOLE_OR_NULL,
    ApiSubject,
    Json,
    answer,
    body,
    described,
    object_of,
    operation,
    parameters,
    path,
    query,
    schema,
    success_of,
)

_ONE = parameters("app_identifier", "upload_identifier")
_BASE = "/api/apps/{app_identifier}/symbols/uploads"
_SHOWN: Json = success_of(schema("SymbolUpload"))
_HEX: Json = {**TEXT, "pattern": "^[0-9a-f]{64}$"}
_NAME: Json = {**TEXT, "maxLength": 200}
_VERSION: Json = {**TEXT, "maxLength": 100}

SUBJECT = ApiSubject(
    "Symbols in chunks",
    "Large files of symbols, sent in chunks that survive an interruption.",
    {
        _BASE: {
            "post": operation(
                "beginSymbolUpload", "Begin an upload, or find where one of the same bytes goes on",
                {**answer(_SHOWN, "The file is there already: `symbols`"), **answer(_SHOWN, "To go on with", 201)},
                400, 401, 404, 409, 413, parameters=parameters("app_identifier"),
                requestBody=body(object_of(
                    {"size": described(WHOLE, "Bytes of the file"), "sha256": described(_HEX, "Of the file"), "name": _NAME,
                     "version": _VERSION, "build": _VERSION}, ("name", "version", "build"))),
            ),
        },
        f"{_BASE}/{{upload_identifier}}": {
            "get": operation("showSymbolUpload", "Where an upload goes on", answer(_SHOWN, "The upload"), 401, 404,
                             parameters=_ONE),
            "put": operation(
                "addSymbolChunk", "Store the next chunk", answer(_SHOWN, "The chunk is durable"), 400, 401, 404, 409, 413, 415,
                parameters=[*_ONE,
                            {**query("offset", {**WHOLE, "examples": [0]}, "Byte of the file at which the chunk begins"),
                             "required": True},
                            query("sha256", TEXT, "Of the chunk, in hex: it is kept only if it is this one")],
                requestBody=body(BINARY, "application/octet-stream"),
            ),
            "delete": operation("dropSymbolUpload", "Give an upload up", answer(BARE_SUCCESS, "Given up"), 401, 404,
                                parameters=_ONE),
        },
        f"{_BASE}/{{upload_identifier}}/finish": {
            "post": operation("finishSymbolUpload", "Check the whole file by its SHA-256 and let a worker read it",
                              answer(success_of(schema("Symbols")), "Stored; a worker reads it", 202), 400, 401, 404, 409,
                              parameters=_ONE),
        },
    },
    {
        "SymbolUpload": object_of({
            "identifier": {**TEXT_OR_NULL, "examples": ["9d3e5f7081a2b4c6d8e0f213"]},
            "received": described({**WHOLE_OR_NULL, "examples": [0]}, "Bytes that are there: where the next chunk begins"),
            "size": WHOLE, "sha256": TEXT,
            "least_chunk": {**WHOLE_OR_NULL, "examples": [1048576]}, "best_chunk": {**WHOLE_OR_NULL, "examples": [16777216]},
            "most_chunk": {**WHOLE_OR_NULL, "examples": [67108864]},
            "touched_at": {**TIME_OR_NULL, "examples": ["2018-09-13T12:00:00Z"]},
            "symbols": {"oneOf": [schema("Symbols"), {"type": "null"}]},
        }),
    },
    {"upload_identifier": path("upload_identifier", "Of the upload, from its beginning")},
)  # fmt: skip
