"""The OpenAPI description of the endpoints for crash reporters that apps ship already."""

from app.api.openapi_words import TEXT, Json, json_answer, object_of, operation, path, query, success_of

_PROJECT = path("project", "The number at the end of the app's DSN")
_KEY = query("sentry_key", TEXT, "The app's ingest key, where no header has it")
_BINARY: Json = {"schema": {"type": "string", "format": "binary"}}
_OPEN: Json = {"security": [{}]}
_ERRORS = (400, 401, 404, 413, 415, 429)

_TAKEN = json_answer(object_of({"id": TEXT}, optional=("id",)), "Stored, or dropped when it tells of no crash")
_ACRA = json_answer(success_of(object_of({"log_id": TEXT, "status": {"const": "received"}})), "Stored")
_CRASH_ID: Json = {"description": "`CrashID=bp-…`", "content": {"text/plain": {"schema": TEXT}}}


def _body(*types: str) -> Json:
    return {"required": True, "content": dict.fromkeys(types, _BINARY)}


PATHS: Json = {
    "/api/{project}/envelope/": {
        "post": _OPEN | operation("sendEnvelope", "Sentry's protocol: an envelope", _TAKEN, *_ERRORS,
                          parameters=[_PROJECT, _KEY], requestBody=_body("application/x-sentry-envelope")),
    },
    "/api/{project}/store/": {
        "post": _OPEN | operation("sendEvent", "Sentry's protocol: one event", _TAKEN, *_ERRORS,
                          parameters=[_PROJECT, _KEY], requestBody=_body("application/json")),
    },
    "/api/{project}/minidump/": {
        "post": _OPEN | operation("sendMinidump", "Breakpad and Crashpad: a form with upload_file_minidump", _CRASH_ID, *_ERRORS,
                          parameters=[_PROJECT, _KEY], requestBody=_body("multipart/form-data", "application/octet-stream")),
    },
    "/api/{project}/acra/": {
        "post": _OPEN | operation("sendAcraReport", "ACRA's HttpSender", _ACRA, *_ERRORS,
                          parameters=[_PROJECT, _KEY], requestBody=_body("application/json")),
    },
    "/api/{project}/acra/{report_id}": {
        "put": _OPEN | operation("putAcraReport", "ACRA's HttpSender with PUT", _ACRA, *_ERRORS,
                         parameters=[_PROJECT, path("report_id", "As in the report"), _KEY],
                         requestBody=_body("application/json")),
    },
}  # fmt: skip
