"""The OpenAPI description of uploaded logs."""

from app.api.openapi.words import (
    BINARY,
    DAY,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    TIME_OR_NULL,
    WHOLE,
    ApiSubject,
    Json,
    answer,
    body,
    described,
    header,
    list_of,
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
from app.ingest.status import STATUSES

LOG_ID: Json = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"}
RECEIVED = answer(
    success_of(object_of({"log_id": TEXT, "status": {"const": "received"}})), "Stored; a worker digests it", 202
)
_STATUS: Json = {**one_of(*STATUSES), "examples": ["digested"]}
_WHY: Json = described(TEXT_OR_NULL, "Why it was rejected, or what of it could not be read")
_APP, _ONE = parameters("app_identifier"), parameters("app_identifier", "log_id")

SUBJECT = ApiSubject(
    "Logs",
    "Send crash logs as they are, and see what became of them.",
    {
        "/api/apps/{app_identifier}/logs": {
            "get": operation(
                "listLogs", "Logs of an app", page_of(schema("ListedLog"), "Newest first"), 400, 401, 404,
                parameters=[*_APP, query("status", _STATUS, "Only those"),
                            query("log_id", TEXT, "How their names begin; the list is by name then"),
                            *parameters("after", "per_page")]),
            "post": operation(
                "uploadLog", "Send one crash log", RECEIVED, 400, 401, 404, 409, 413, 415, 429,
                description="The bytes are durable when the answer comes. The same log again: the same answer; the same id with "
                "other bytes: 409, the first stays.",
                parameters=[
                    *parameters("app_identifier"),
                    query("log_id", LOG_ID, "Made by the server when left out"),
                    header("Content-Encoding", one_of("gzip", "deflate", "br", "zstd"), "When the body is packed"),
                ],
                requestBody=body(BINARY, "application/octet-stream"),
            ),
        },
        "/api/apps/{app_identifier}/logs/{log_id}": {
            "get": operation("showLog", "What became of a log", answer(success_of(schema("Log")), "The log"), 401, 404,
                             parameters=_ONE),
        },
        "/api/apps/{app_identifier}/logs/{log_id}/digest": {
            "post": operation("digestLogAgain", "Digest a rejected log again", RECEIVED, 401, 404, 409, 410, parameters=_ONE),
        },
        "/api/apps/{app_identifier}/logs/{log_id}/raw": {
            "get": operation("downloadLog", "The bytes of a log, unless the app redacts",
                             answer(BINARY, "The log", media="application/octet-stream",
                                    headers="Content-Disposition Content-Length ETag Cache-Control"),
                             401, 404, 409, 410, parameters=_ONE),
        },
    },
    {
        "Log": object_of({
            "log_id": TEXT, "date": DAY, "status": _STATUS, "error_message": _WHY,
            "occurrences": list_of(object_of({"id": TEXT, "crash_identifier": TEXT})),
        }),
        "ListedLog": object_of({
            "log_id": TEXT, "status": _STATUS, "error_message": _WHY,
            "format": {**TEXT_OR_NULL, "description": "What it was read as", "examples": ["kscrash-json"]},
            "size": described(WHOLE, "Bytes, unpacked"), "received_at": TIME, "digested_at": TIME_OR_NULL,
            "removed_at": described(TIME_OR_NULL, "When its bytes were removed for their age"), "occurrences_count": WHOLE,
        }),
    },
    {"log_id": path("log_id", "The log's name")},
)  # fmt: skip
