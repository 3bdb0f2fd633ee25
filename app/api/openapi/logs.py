"""The OpenAPI description of uploaded logs."""

from app.api.openapi.words import (
    BINARY,
    DAY,
    TEXT,
    TEXT_OR_NULL,
    Json,
    Subject,
    answer,
    body,
    header,
    list_of,
    object_of,
    one_of,
    operation,
    parameters,
    path,
    query,
    schema,
    success_of,
    told,
)

LOG_ID: Json = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"}
RECEIVED = answer(
    success_of(object_of({"log_id": TEXT, "status": {"const": "received"}})), "Stored; a worker digests it", 202
)

SUBJECT = Subject(
    "Logs",
    "Send crash logs as they are, and see what became of them.",
    {
        "/api/apps/{app_identifier}/logs": {
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
                             parameters=parameters("app_identifier", "log_id")),
        },
    },
    {
        "Log": object_of({
            "log_id": TEXT, "date": DAY, "status": one_of("digested", "received", "rejected"),
            "error_message": told(TEXT_OR_NULL, "Why it was rejected, or what of it could not be read"),
            "occurrences": list_of(object_of({"id": TEXT, "crash_identifier": TEXT})),
        }),
    },
    {"log_id": path("log_id", "The log's name")},
)  # fmt: skip
