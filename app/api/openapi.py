"""The OpenAPI 3.1 description of every route, with each kind of job described by its own module."""

from app.api import openapi_exporters as exporters
from app.api import openapi_privacy as privacy
from app.api import openapi_senders as senders
from app.api import openapi_symbols as symbols
from app.api import openapi_webhooks as webhooks
from app.api.openapi_words import POLL_HEADERS, TEXT, TIME, TIME_OR_NULL, WHOLE, Json
from app.api.openapi_words import body_of as _body
from app.api.openapi_words import json_answer as _json
from app.api.openapi_words import list_of as _list
from app.api.openapi_words import object_of as _object
from app.api.openapi_words import operation as _operation
from app.api.openapi_words import path as _path
from app.api.openapi_words import query as _query
from app.api.openapi_words import ref as _ref
from app.api.openapi_words import success_of as _success
from app.api.waiting import MAX_WAIT
from app.db.crash import SORTS
from app.errors import STATUS_WORDS
from app.jobs import KINDS
from app.jobs.kind import Kind


def openapi(version: str) -> Json:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "crashq",
            "version": version,
            "description": "Occurrences and reports of mobile crashes, computed as jobs. "
            "The same GET starts, joins, polls and returns: repeat it until `loading` is `[false]`.",
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "components": {
            "securitySchemes": SECURITY,
            "schemas": {**SCHEMAS, **privacy.SCHEMAS, **webhooks.SCHEMAS, **exporters.SCHEMAS, **symbols.SCHEMAS},
            "parameters": {**PARAMETERS, **webhooks.PARAMETERS, **exporters.PARAMETERS, **symbols.PARAMETERS},
            "responses": RESPONSES,
        },
        "paths": {
            **PATHS,
            **senders.PATHS,
            **webhooks.PATHS,
            **exporters.PATHS,
            **symbols.PATHS,
            **{_template(kind.PATH): _polled(name, kind) for name, kind in KINDS.items()},
        },
    }


def _template(path: str) -> str:
    return "/api" + path.replace("<", "{").replace(">", "}")


def _polled(name: str, kind: Kind) -> Json:
    envelope = _object(
        {
            "loading": {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 1},
            "job_id": _ref("schemas", "JobId"),
            "success": {"const": True},
            "result": kind.RESULT_SCHEMA,
        }
    )
    query = [{"in": "query", **parameter} for parameter in kind.PARAMETERS]
    words = name.split("_")
    operation = _operation(
        words[0] + "".join(word.title() for word in words[1:]),
        kind.SUMMARY,
        _json(envelope, "The job as it stands: `loading` is [true] until `result` is whole", headers=POLL_HEADERS),
        400, 401, 404, 410, 422, 429,
        parameters=[_ref("parameters", f"{kind.ABOUT}_identifier"), *query,
                    *([_ref("parameters", "asked_job_id")] if kind.METHOD == "GET" else []),
                    _ref("parameters", "prefer"), _ref("parameters", "if_none_match")],
    )  # fmt: skip
    operation["responses"]["304"] = {"description": "The finished result is the one the client has"}
    if kind.METHOD == "POST":
        operation["requestBody"] = {"content": {"application/json": {"schema": kind.BODY_SCHEMA}}}
        operation["responses"]["413"] = _ref("responses", STATUS_WORDS[413])
    return {kind.METHOD.lower(): operation}


SECURITY: Json = {
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Token <auth_token>`, from POST /api/login; for uploads also `Token <ingest key>`",
    }
}

SCHEMAS: Json = {
    "JobId": {"type": "string", "pattern": "^[0-9a-f]{24}$"},
    "Error": _object(
        {
            "success": {"const": False},
            "status": {"type": "string", "enum": list(STATUS_WORDS.values())},
            "error_message": TEXT,
        }
    ),
    "App": _object({"identifier": TEXT, "name": TEXT, "created_at": TIME}),
    "Crash": _object(
        {"identifier": TEXT, "title": TEXT, "first_seen": TIME, "last_seen": TIME, "occurrences_count": WHOLE}
    ),
    "Why": {
        **_object({"rule": TEXT, "version": WHOLE, "parts": _list(TEXT)}),
        "type": ["object", "null"],
        "description": "What the fingerprint was made of; null for a crash made before this was kept",
    },
    "CrashInFull": _object(
        {
            "identifier": TEXT,
            "title": TEXT,
            "app_identifier": TEXT,
            "first_seen": TIME,
            "last_seen": TIME,
            "occurrences_count": WHOLE,
            "versions": _list(TEXT),
            "fingerprint": TEXT,
            "why": _ref("schemas", "Why"),
            "merged": _list(
                _object(
                    {
                        "identifier": TEXT,
                        "title": TEXT,
                        "fingerprint": TEXT,
                        "why": _ref("schemas", "Why"),
                        "decided_at": TIME,
                        "moving": {"type": "boolean"},
                    }
                )
            ),
        }
    ),
    "Log": _object(
        {
            "log_id": TEXT,
            "date": {"type": "string", "format": "date", "description": "UTC day"},
            "status": {"type": "string", "enum": ["received", "digested", "rejected"]},
            "error_message": {
                "type": ["string", "null"],
                "description": "Why it was rejected, or what of it could not be read",
            },
            "occurrences": _list(_object({"id": TEXT, "crash_identifier": TEXT})),
        }
    ),
    "Job": _object(
        {
            "job_id": _ref("schemas", "JobId"),
            "kind": {"type": "string", "enum": list(KINDS)},
            "question": {"type": "object", "description": "The normalised parameters"},
            "state": {"type": "string", "enum": ["queued", "running", "finished", "failed", "cancelled", "expired"]},
            "progress": _object({"done": WHOLE, "total": WHOLE, "unit": TEXT}),
            "attempts": WHOLE,
            "created_at": TIME,
            "started_at": TIME_OR_NULL,
            "finished_at": TIME_OR_NULL,
            "expires_at": TIME_OR_NULL,
            "size": {"type": ["integer", "null"], "description": "Bytes of a finished result"},
            "error": {
                "type": ["object", "null"],
                "properties": {"code": TEXT, "status": WHOLE, "message": TEXT},
            },
        }
    ),
}


PARAMETERS: Json = {
    "app_identifier": _path("app_identifier", "24 hex digits, printed by `crashq app add`"),
    "crash_identifier": _path("crash_identifier", "24 hex digits, from the list of an app's crashes"),
    "log_id": _path("log_id", "The log's name"),
    "job_id": _path("job_id", "From an envelope"),
    "signed": _path("signed", "From a finished export"),
    "asked_job_id": _query("job_id", TEXT, "Ask for that very job instead of the newest result"),
    "page": _query("page", WHOLE, "From 1"),
    "per_page": _query("per_page", {"type": "integer", "default": 1000}, "1 to 10000; out of range means 1000"),
    "since_date": _query("since_date", TEXT, "First day (UTC) or time, ISO 8601"),
    "until_date": _query("until_date", TEXT, "Last day (UTC) or time, ISO 8601"),
    "prefer": {
        "name": "Prefer", "in": "header", "schema": TEXT,
        "description": f"`wait=N`: hold the request until the job ends, for at most N ≤ {MAX_WAIT} seconds (RFC 7240)",
    },
    "if_none_match": {"name": "If-None-Match", "in": "header", "schema": TEXT, "description": "ETag of an earlier answer"},
}  # fmt: skip

RESPONSES: Json = {
    word: _json(_ref("schemas", "Error"), word.replace("_", " ").capitalize()) for word in STATUS_WORDS.values()
}

PAGING = [_ref("parameters", "page"), _ref("parameters", "per_page")]
APP, JOB, LOG = ([_ref("parameters", name)] for name in ("app_identifier", "job_id", "log_id"))
UPLOADED = _success(_object({"log_id": TEXT, "status": {"const": "received"}}))
LOG_BODY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
LOG_ID_QUERY = _query(
    "log_id", {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"}, "Made by the server when left out"
)
CREDENTIALS = {"application/json": {"schema": _object({"email": TEXT, "password": TEXT})}}
CRASH = [_ref("parameters", "crash_identifier")]
CRASH_ANSWER = _json(_success(_ref("schemas", "CrashInFull")), "The crash")
JOB_ANSWER = _json(_success(_ref("schemas", "Job")), "The job")
SETTINGS_ANSWER = _json(_success(_ref("schemas", "Settings")), "All settings")
ERASURE_ANSWER = _json(_success(_ref("schemas", "Erasure")), "The erasure")
FILE = {"description": "The file", "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}
PLAIN = {"description": "Text", "content": {"text/plain": {"schema": TEXT}}}
PAGE = {"description": "A page", "content": {"text/html": {"schema": TEXT}}}
OPEN: Json = {"security": []}

PATHS: Json = {
    "/api/login": {
        "post": _operation("logIn", "Log in", _json(_success(_object({"auth_token": TEXT})), "A new token"),
                           400, 401, 413, requestBody={"required": True, "content": CREDENTIALS}, **OPEN),
        "delete": _operation("logOut", "End the login of this token",
                             _json(_object({"success": {"const": True}}), "Ended"), 401),
    },
    "/api/apps": {
        "get": _operation("listApps", "Apps that you may see", _json(_success(_list(_ref("schemas", "App"))), "By name"),
                          400, 401, parameters=PAGING),
    },
    "/api/apps/{app_identifier}/crashes": {
        "get": _operation(
            "listCrashes", "Crashes of an app", _json(_success(_list(_ref("schemas", "Crash"))), "From high to low"),
            400, 401, 404,
            parameters=[*APP, *PAGING, _ref("parameters", "since_date"), _ref("parameters", "until_date"),
                        _query("sort", {"type": "string", "enum": list(SORTS), "default": SORTS[0]}, "From high to low")]),
    },
    "/api/crashes/{crash_identifier}": {
        "get": _operation("showCrash", "A crash, and why its occurrences are one", CRASH_ANSWER, 401, 404, parameters=CRASH),
    },
    "/api/crashes/{crash_identifier}/merge": {
        "post": _operation("mergeCrash", "Count its occurrences in another crash, now and from now on", CRASH_ANSWER,
                           400, 401, 404, 409, 413, parameters=CRASH, requestBody=_body("into")),
    },
    "/api/crashes/{crash_identifier}/split": {
        "post": _operation("splitCrash", "Make what was merged into it a crash of its own again", CRASH_ANSWER,
                           400, 401, 404, 413, parameters=CRASH, requestBody=_body("fingerprint")),
    },
    "/api/apps/{app_identifier}/logs": {
        "post": _operation("uploadLog", "Send one crash log, raw or with Content-Encoding gzip, deflate, br or zstd",
                           _json(UPLOADED, "Stored; a worker digests it"), 400, 401, 404, 409, 413, 415, 429,
                           parameters=[*APP, LOG_ID_QUERY], requestBody={"required": True, "content": LOG_BODY}),
    },
    "/api/apps/{app_identifier}/logs/{log_id}": {
        "get": _operation("showLog", "What became of a log", _json(_success(_ref("schemas", "Log")), "The log"),
                          401, 404, parameters=[*APP, *LOG]),
    },
    "/api/apps/{app_identifier}/settings": {
        "get": _operation("showSettings", "How long data is kept and what is taken out of reports", SETTINGS_ANSWER,
                          401, 404, parameters=APP),
        "patch": _operation("changeSettings", "Set what is given and leave the rest", SETTINGS_ANSWER,
                            400, 401, 404, 413, parameters=APP, requestBody=privacy.CHANGE),
    },
    "/api/apps/{app_identifier}/users/{user_id_in_app}": {
        "delete": _operation("eraseUser", "Erase a user: logs, occurrences, reports, batches", ERASURE_ANSWER,
                             400, 401, 404, parameters=[*APP, privacy.USER_ID, privacy.SCAN]),
    },
    "/api/apps/{app_identifier}/erasures": {
        "get": _operation("listErasures", "Erasures", _json(_success(_list(_ref("schemas", "Erasure"))), "Newest first"),
                          400, 401, 404, parameters=[*APP, *PAGING]),
    },
    "/api/apps/{app_identifier}/erasures/{erasure_id}": {
        "get": _operation("showErasure", "How far an erasure has come", ERASURE_ANSWER,
                          401, 404, parameters=[*APP, privacy.ERASURE_ID]),
    },
    "/api/jobs": {
        "get": _operation("listJobs", "Jobs that you asked for", _json(_success(_list(_ref("schemas", "Job"))), "Newest first"),
                          400, 401, parameters=PAGING),
    },
    "/api/jobs/{job_id}": {
        "get": _operation("showJob", "A job", JOB_ANSWER, 401, 404, parameters=JOB),
        "delete": _operation("cancelJob", "Cancel a live job, or free the files of a finished one", JOB_ANSWER,
                             401, 404, parameters=JOB),
    },
    "/api/downloads/{signed}": {
        "get": {**_operation("download", "A finished report, whole or a Range of it", FILE, 404, 410, 416,
                             parameters=[_ref("parameters", "signed"), _ref("parameters", "if_none_match")], **OPEN)},
    },
    "/api/openapi.json": {
        "get": _operation("describe", "This document", _json({"type": "object"}, "OpenAPI 3.1"), **OPEN),
    },
    "/docs": {"get": _operation("docs", "This document for people", PAGE, **OPEN)},
    "/healthz": {
        "get": _operation("healthz", "The process is up", _json(_success(_object({"web": {"const": "up"}})), "Up"), **OPEN),
    },
    "/readyz": {
        "get": _operation("readyz", "Database, broker, storage and a worker are up",
                          _json(_success({"type": "object", "additionalProperties": {"const": "up"}}), "All up"), **OPEN),
    },
    "/metrics": {"get": _operation("metrics", "Figures in Prometheus' text format", PLAIN, **OPEN)},
}  # fmt: skip
PATHS["/api/downloads/{signed}"]["get"]["responses"]["206"] = {**FILE, "description": "The range asked for"}
PATHS["/api/downloads/{signed}"]["get"]["responses"]["304"] = {"description": "The client has it"}
