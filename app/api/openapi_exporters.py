"""The OpenAPI description of data exporters."""

from app.api.openapi_words import (
    TEXT,
    TIME,
    TIME_OR_NULL,
    WHOLE,
    Json,
    json_answer,
    list_of,
    object_of,
    operation,
    path,
    ref,
    success_of,
)
from app.db.data_exporter import RunState

_FORMAT: Json = {"type": "string", "enum": ["ndjson", "csv", "parquet", "zip"]}
_FREQUENCY: Json = {"type": "string", "enum": ["daily", "weekly"]}
_WHOLE_OR_NULL: Json = {"type": ["integer", "null"]}
_TEXT_OR_NULL: Json = {"type": ["string", "null"]}
_DATA: Json = list_of({"const": "crashes"})
_FLAG: Json = {"type": "boolean"}

SCHEMAS: Json = {
    "DataExporter": object_of({
        "identifier": TEXT, "name": TEXT, "type": {"type": "string", "enum": ["storage", "bucket"]}, "active": _FLAG,
        "apps": list_of(object_of({"name": TEXT, "identifier": TEXT})), "bucket_name": TEXT, "subfolder": TEXT,
        "exported_data": _DATA, "initial_run_at": TIME, "last_run_at": TIME_OR_NULL, "frequency": _FREQUENCY,
        "format": _FORMAT, "next_run_at": TIME,
    }),
    "DataExporterRun": object_of({
        "app_identifier": TEXT, "scheduled_for": TIME, "since": TIME_OR_NULL,
        "state": {"type": "string", "enum": [state.value for state in RunState]}, "job_id": _TEXT_OR_NULL,
        "rows": _WHOLE_OR_NULL, "files": _WHOLE_OR_NULL, "files_done": WHOLE, "failures": WHOLE, "error": _TEXT_OR_NULL,
        "finished_at": TIME_OR_NULL,
    }),
}  # fmt: skip
PARAMETERS: Json = {"exporter_identifier": path("exporter_identifier", "From the list of data exporters")}

_FIELDS: Json = {
    "name": TEXT, "active": _FLAG, "apps": {**list_of(TEXT), "description": "Identifiers"}, "bucket_name": TEXT,
    "subfolder": TEXT, "exported_data": _DATA, "frequency": _FREQUENCY, "format": _FORMAT,
}  # fmt: skip
_NEW: Json = {**_FIELDS, "initial_run_at": {**TEXT, "description": "ISO 8601; when left out, a period from now"}}


def _body(fields: Json, *required: str) -> Json:
    schema = object_of(fields, tuple(name for name in fields if name not in required))
    return {"required": True, "content": {"application/json": {"schema": schema}}}


_ONE = [ref("parameters", "exporter_identifier")]
_PAGING = [ref("parameters", "page"), ref("parameters", "per_page")]
_ANSWER = json_answer(success_of(ref("schemas", "DataExporter")), "The exporter")
_create = operation("createDataExporter", "Export apps at regular times", _ANSWER, 400, 401, 404, 409, 413,
                    requestBody=_body(_NEW, "name", "apps", "bucket_name"))  # fmt: skip
_create["responses"]["201"] = _create["responses"].pop("200")

PATHS: Json = {
    "/api/data_exporters": {
        "post": _create,
        "get": operation("listDataExporters", "Your data exporters",
                         json_answer(success_of(list_of(ref("schemas", "DataExporter"))), "Oldest first"),
                         400, 401, parameters=_PAGING),
    },
    "/api/data_exporters/{exporter_identifier}": {
        "get": operation("showDataExporter", "A data exporter", _ANSWER, 401, 404, parameters=_ONE),
        "patch": operation("changeDataExporter", "Change what is given", _ANSWER, 400, 401, 404, 413,
                           parameters=_ONE, requestBody=_body(_FIELDS)),
        "delete": operation("deleteDataExporter", "Delete a data exporter; what it delivered stays",
                            json_answer(object_of({"success": {"const": True}}), "Deleted"), 401, 404, parameters=_ONE),
    },
    "/api/data_exporters/{exporter_identifier}/runs": {
        "get": operation("listDataExporterRuns", "The runs of a data exporter",
                         json_answer(success_of(list_of(ref("schemas", "DataExporterRun"))), "Newest first"),
                         400, 401, 404, parameters=[*_ONE, *_PAGING]),
    },
}  # fmt: skip
