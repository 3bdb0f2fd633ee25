"""Examples for the whole document, put together from one true value for each name, so that they tell one story."""

from typing import Any

from app.web.api.openapi.words import Json

CRASH = "2eab310c430bf292171281ae"
LOG = "2544355787-1536831773-logs-00003"
JOB = "5f0c9a1be2d34c6788a0b1c2"
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

VALUES: dict[str, Any] = {
    "active": True,
    "advice": "Look at the log; send it again in whole if you have it. Trying again does not help.",
    "app_build": "45",
    "app_identifier": "7b1d4f0a9c3e5d2b8a6f4e1c",
    "app_version": "1.2",
    "arch": "arm64",
    "apps": ["7b1d4f0a9c3e5d2b8a6f4e1c"],
    "attempts": 1,
    "auth_token": "kD3vY0s2hZ9JwqPzR7uXbLmN4tEoFi6cGa8UyKpQx1M",
    "bucket_name": "archive",
    "build": "45",
    "channel_identifier": "b7d9c1e3f5a70819203b4c5d",
    "code": "malformed_log",
    "comment_id": "4711",
    "complete": True,
    "content_type": "application/json",
    "crash_identifier": CRASH,
    "created_at": "2018-09-13T12:00:00Z",
    "date": "2018-09-13",
    "debug_id": "0a0b0c0d-0000-4000-8000-000000000002",
    "debug_ids": ["0a0b0c0d-0000-4000-8000-000000000002"],
    "decided_at": "2018-09-14T09:30:00Z",
    "delivered_at": "2018-09-13T12:00:03Z",
    "delivery_id": "17",
    "device_model": "iPhone9,4",
    "digested_at": "2018-09-13T12:00:01Z",
    "disabled_reason": None,
    "done": 3,
    "dsn": "https://0123456789abcdef0123456789abcdef@crashq.example.com/1",
    "email": "ada@example.com",
    "erasure_id": "c0ffee5a17e4b2d9c3f80146",
    "environment": "production",
    "error": None,
    "error_code": None,
    "error_message": None,
    "event_id": f"job_finished_{JOB}",
    "events": ["job.finished", "crash.new"],
    "expires_at": "2018-09-14T12:00:02Z",
    "explanation": "The stored log can no longer be read as the format it was digested as.",
    "exporter_identifier": "4be1a7c95d02f3886e1b0c7d",
    "failing_since": None,
    "failures": 0,
    "fields": ["user.email"],
    "invitation_identifier": "2f6c1e8a9b0d4c7e5f3a1b2c",
    "filename": f"{LOG}-crash-1.json",
    "files": 2,
    "files_done": 2,
    "filters": {"app_version": ["1.2"]},
    "fingerprint": "0f3b1c5e7a9d2468b0c4e6f81a3d5c7e",
    "finished_at": "2018-09-13T12:00:02Z",
    "first_day": "2018-09-11",
    "first_seen": "2018-09-11T07:15:42Z",
    "first_seen_since": "2018-09-01",
    "first_seen_until": "2018-09-30",
    "id": f"{LOG}-crash-1",
    "identifier": CRASH,
    "initial_run_at": "2018-09-14T03:00:00Z",
    "into": "8c1f2e3d4b5a69788796a5b4",
    "job_id": JOB,
    "key": "0123456789abcdef0123456789abcdef",
    "keep_logs_days": 90,
    "keep_occurrences_days": 365,
    "keep_reports_days": None,
    "last_day": "2018-09-13",
    "key_identifier": "b6f2d9c04e7a1358b6f2d9c0",
    "last_error": None,
    "last_run_at": None,
    "last_seen": "2018-09-13T09:42:53Z",
    "last_seen_since": "2018-09-01",
    "last_seen_until": "2018-09-30",
    "last_status": 200,
    "last_used_at": "2018-09-13T12:00:00Z",
    "loading": [False],
    "log_id": LOG,
    "logs": 4,
    "logs_per_minute": 600,
    "jobs": 1,
    "message": "The log cannot be read",
    "moving": False,
    "name": "Notes",
    "next_at": None,
    "next_run_at": "2018-09-14T03:00:00Z",
    "number": 1,
    "occurrences": 3,
    "occurrences_count": 3,
    "occurrences_per_day": [1, 0, 2],
    "occurrences_without_user": 1,
    "order": "desc",
    "os_name": "iOS",
    "os_version": "11.4.1",
    "other": 0,
    "page": 1,
    "parts": ["NSRangeException", "-[Notebook pageAtIndex:]"],
    "password": "correct horse battery staple",
    "patterns": ["email"],
    "per_page": 100,
    "project": 1,
    "question": {"crash_identifier": CRASH, "since": None, "until": None, "page": None, "per_page": None},
    "raw_log": False,
    "reason": None,
    "received_at": "2018-09-13T12:00:00Z",
    "regex": "S-[0-9]+",
    "removed": {"logs": 4, "occurrences": 5, "jobs": 1},
    "removed_at": None,
    "regressed_at": None,
    "report_id": "7d2f8c3e-0000-4000-8000-000000000001",
    "resolved_in": None,
    "rows": 3,
    "rule": "in-app frames",
    "scan": True,
    "scheduled_for": "2018-09-14T03:00:00Z",
    "search": "nsrange notebook",
    "secret": "whsec_bWFkZSB1cCBmb3IgdGhlIGRvY3VtZW50YXRpb24",
    "sentry_key": "0123456789abcdef0123456789abcdef",
    "sha256": DIGEST,
    "signed": "WyI1ZjBjIl0.5b9a5f00.c2lnbmF0dXJl",
    "since": None,
    "since_date": "2018-09-01",
    "size": 4096,
    "snapshot_at": "2018-09-13T12:00:00Z",
    "sort": "last_seen",
    "start_day": "2018-09-13",
    "started_at": "2018-09-13T12:00:01Z",
    "state": "open",
    "state_changed_at": None,
    "status": 422,
    "status_url": "/api/apps/7b1d4f0a9c3e5d2b8a6f4e1c/erasures/c0ffee5a17e4b2d9c3f80146",
    "step": None,
    "subfolder": "nightly",
    "symbols": False,
    "subject": JOB,
    "symbols_identifier": "d41d8cd98f00b204e9800998",
    "title": "NSRangeException in -[Notebook pageAtIndex:]",
    "token": "crashq_kD3vY0s2hZ9JwqPzR7uXbLmN4tEoFi6cGa8UyKpQx1M",
    "total": 3,
    "total_size": 8192,
    "unit": "rows",
    "unknown": 0,
    "unreadable": 0,
    "missing": 0,
    "until_date": "2018-09-30",
    "upload_identifier": "9d3e5f7081a2b4c6d8e0f213",
    "url": "https://hooks.example.com/crashq",
    "user_hash": DIGEST,
    "user_id": "u-1842",
    "user_id_in_app": "u-1842",
    "users": 2,
    "version": "1.2",
    "versions": ["1.2", "1.1"],
    "waiting_logs": 3,
    "webhook_identifier": "a3c5e7091b2d4f6080a2c4e6",
}
"""Name of a property or a parameter -> its value in examples, where its schema has none of its own."""


_TYPES = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict, "null": type(None)}


class NoExample(LookupError):
    """A name for which neither its schema nor the table above has a value."""


def example_of(schema: Json, schemas: Json, name: str = "") -> Any:
    """A value that the schema describes; `name` is that of the property or parameter. Raises NoExample."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas, name)
    if "examples" in schema:
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    for several in ("oneOf", "anyOf"):
        if several in schema:
            return example_of(schema[several][0], schemas, name)
    if name in VALUES and _fits(VALUES[name], schema):
        return VALUES[name]
    if "enum" in schema:
        return schema["enum"][0]
    if "default" in schema:
        return schema["default"]
    kinds = schema.get("type", [])
    if "properties" in schema:
        return {part: example_of(inner, schemas, part) for part, inner in schema["properties"].items()}
    if "additionalProperties" in schema and "object" in kinds:
        return {name: example_of(schema["additionalProperties"], schemas)}
    if "items" in schema:
        return [example_of(schema["items"], schemas, name.removesuffix("s"))]
    if schema.get("format") == "binary":
        return None
    raise NoExample(f"{name or schema} has no example; give one in app/web/api/openapi/examples.py")


def _fits(value: Any, schema: Json) -> bool:
    """True when the value is of the schema's type: one name may stand for several things."""
    kinds = schema.get("type", [])
    if type(value) not in [_TYPES[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds)]:
        return False
    if isinstance(value, list):
        return all(_fits(item, schema["items"]) for item in value)
    return "enum" not in schema or value in schema["enum"]


def fill_in(document: Json) -> None:
    """Give every parameter, header and JSON body of the document an example, where it has none."""
    components = document["components"]
    schemas = components["schemas"]
    for made in (*components["parameters"].values(), *components["headers"].values()):
        _give(made, schemas, made.get("name", ""))
    for answer in components["responses"].values():
        _give_bodies(answer, schemas)
    for item in document["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", []):
                if "$ref" not in parameter:
                    _give(parameter, schemas, parameter["name"])
            for holder in (operation.get("requestBody", {}), *operation["responses"].values()):
                _give_bodies(holder, schemas)


def _give_bodies(holder: Json, schemas: Json) -> None:
    for media, content in holder.get("content", {}).items():
        if media == "application/json":
            _give(content, schemas, "")


def _give(holder: Json, schemas: Json, name: str) -> None:
    if "example" in holder or "examples" in holder:
        return
    try:
        found = example_of(holder["schema"], schemas, name)
    except NoExample:  # a test sees to it; until then the document is of use without it
        return
    if found is not None:
        holder["example"] = found
