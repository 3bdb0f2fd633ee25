"""The OpenAPI description of the endpoints for crash reporters that apps ship already."""

from app.api.openapi.logs import RECEIVED
from app.api.openapi.words import BINARY, TEXT, ApiSubject, Json, answer, body, object_of, operation, path

_PROJECT = {**path("project", "The number at the end of the app's DSN"), "schema": {"type": "integer", "minimum": 0}}
_KEYS: list[Json] = [{"senderKey": []}, {"sentryAuth": []}, {"basic": []}]
_ERRORS = (400, 401, 404, 413, 415, 429)
_TAKEN = answer(
    {**object_of({"id": TEXT}, optional=("id",)), "examples": [{"id": "9ec79c33ec9942ab8353589fcb2e04dc"}]},
    "Stored, or dropped when it tells of no crash",
)
_ANY_ORIGIN = (
    "Pages of any origin may send here: a preflight (`OPTIONS`) is answered for the headers that Sentry's SDKs send."
)
_RECEIVED = {"200": RECEIVED["202"]}
_EVENT: Json = {
    "type": "object",
    "examples": [
        {
            "event_id": "9ec79c33ec9942ab8353589fcb2e04dc",
            "platform": "python",
            "level": "fatal",
            "exception": {"values": [{"type": "IndexError", "value": "list index out of range"}]},
        }
    ],
}
_REPORT: Json = {
    "type": "object",
    "examples": [
        {
            "REPORT_ID": "7d2f8c3e-0000-4000-8000-000000000001",
            "APP_VERSION_NAME": "1.2",
            "STACK_TRACE": "java.lang.IllegalStateException: closed\n\tat com.example.notes.Notebook.page(Notebook.java:41)\n",
        }
    ],
}
_DUMP: Json = object_of({"upload_file_minidump": BINARY}) | {"additionalProperties": TEXT}


def _sent(name: str, summary: str, taken: Json, request: Json, **more: object) -> Json:
    return operation(
        name, summary, taken, *_ERRORS, **{"parameters": [_PROJECT], "security": _KEYS, "requestBody": request, **more}
    )


_DUMPS = body(BINARY, "application/octet-stream")
_DUMPS["content"]["multipart/form-data"] = {"schema": _DUMP}

_FORM: Json = {"schema": {"type": "object", "additionalProperties": TEXT}}
_REPORTS = body(_REPORT)
_REPORTS["content"]["application/x-www-form-urlencoded"] = _FORM
_WITH_FILES = body(_REPORT)
_WITH_FILES["content"] |= {
    "application/x-www-form-urlencoded": _FORM,
    "multipart/form-data": {"schema": object_of({"ACRA_REPORT": TEXT}) | {"additionalProperties": BINARY}},
}

SUBJECT = ApiSubject(
    "Senders",
    "What Sentry's SDKs, ACRA, Breakpad and Crashpad send, by the app's DSN.",
    {
        "/api/{project}/envelope/": {
            "post": _sent("sendEnvelope", "Sentry's protocol: an envelope", _TAKEN, body(BINARY, "application/x-sentry-envelope"),
                          description=f"The key may also be in the DSN of the first line. {_ANY_ORIGIN}", security=[*_KEYS, {}]),
        },
        "/api/{project}/store/": {
            "post": _sent("sendEvent", "Sentry's protocol: one event", _TAKEN, body(_EVENT), description=_ANY_ORIGIN),
        },
        "/api/{project}/minidump/": {
            "post": _sent("sendMinidump", "Breakpad and Crashpad: a form with upload_file_minidump, or the dump alone",
                          answer(TEXT, "`CrashID=bp-…`", media="text/plain"), _DUMPS),
        },
        "/api/{project}/acra/": {
            "post": _sent("sendAcraReport", "ACRA's HttpSender; attachments are dropped", _RECEIVED, _WITH_FILES),
        },
        "/api/{project}/acra/{report_id}": {
            "put": _sent("putAcraReport", "ACRA's HttpSender with PUT; an attachment is dropped", _RECEIVED, _REPORTS,
                         parameters=[_PROJECT, path("report_id", "As in the report")]),
        },
    },
)  # fmt: skip
