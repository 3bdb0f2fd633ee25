"""The OpenAPI description of data exporters."""

from app.api.openapi.words import (
    BARE_SUCCESS,
    FLAG,
    PAGING,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    TIME_OR_NULL,
    WHOLE,
    WHOLE_OR_NULL,
    ApiSubject,
    Json,
    answer,
    body,
    change_of,
    described,
    list_of,
    object_of,
    one_of,
    operation,
    page_of,
    parameters,
    path,
    schema,
    success_of,
)
from app.db.data_exporter import RunState

_FORMAT = one_of("ndjson", "csv", "parquet", "zip")
_FREQUENCY = one_of("daily", "weekly")
_DATA: Json = list_of({"const": "crashes"})
_FIELDS: Json = {
    "name": {**TEXT, "examples": ["Nightly"]}, "active": FLAG, "apps": described(list_of(TEXT), "Identifiers"),
    "bucket_name": TEXT, "subfolder": TEXT, "exported_data": _DATA, "frequency": _FREQUENCY, "format": _FORMAT,
}  # fmt: skip
_NEW = object_of(
    {**_FIELDS, "initial_run_at": described(TEXT, "ISO 8601; when left out, a period from now")},
    ("active", "subfolder", "exported_data", "frequency", "format", "initial_run_at"),
)

_ONE = parameters("exporter_identifier")
_SHOWN: Json = success_of(schema("DataExporter"))
_BASE = "/api/data_exporters"

SUBJECT = ApiSubject(
    "Data exporters",
    "Whole apps, at regular times, to a bucket or a folder.",
    {
        _BASE: {
            "post": operation("createDataExporter", "Export apps at regular times", answer(_SHOWN, "Made", 201),
                              400, 401, 404, 409, 413, requestBody=body(_NEW)),
            "get": operation("listDataExporters", "Your data exporters", page_of(schema("DataExporter"), "Oldest first"),
                             400, 401, parameters=PAGING),
        },
        f"{_BASE}/{{exporter_identifier}}": {
            "get": operation("showDataExporter", "A data exporter", answer(_SHOWN, "The exporter"), 401, 404, parameters=_ONE),
            "patch": operation("changeDataExporter", "Change what is given", answer(_SHOWN, "The exporter"), 400, 401, 404, 413,
                               parameters=_ONE, requestBody=body(change_of(_FIELDS))),
            "delete": operation("deleteDataExporter", "Delete a data exporter; what it delivered stays",
                                answer(BARE_SUCCESS, "Deleted"), 401, 404, parameters=_ONE),
        },
        f"{_BASE}/{{exporter_identifier}}/runs": {
            "get": operation("listDataExporterRuns", "The runs of a data exporter",
                             page_of(schema("DataExporterRun"), "Newest first"), 400, 401, 404, parameters=[*_ONE, *PAGING]),
        },
    },
    {
        "DataExporter": object_of({
            "identifier": {**TEXT, "examples": ["4be1a7c95d02f3886e1b0c7d"]}, "name": {**TEXT, "examples": ["Nightly"]},
            "type": {**one_of("storage", "bucket"), "examples": ["bucket"]}, "active": FLAG,
            "stopped": {**described(TEXT_OR_NULL, "Why nothing is exported"), "examples": [None]},
            "apps": {**list_of(object_of({"name": TEXT, "identifier": TEXT})),
                     "examples": [[{"name": "Notes", "identifier": "7b1d4f0a9c3e5d2b8a6f4e1c"}]]},
            "bucket_name": TEXT, "subfolder": TEXT, "exported_data": _DATA, "initial_run_at": TIME,
            "last_run_at": TIME_OR_NULL, "frequency": _FREQUENCY, "format": _FORMAT, "next_run_at": TIME,
        }),
        "DataExporterRun": object_of({
            "app_identifier": TEXT, "scheduled_for": TIME, "since": TIME_OR_NULL,
            "state": {**one_of(*(state.value for state in RunState)), "examples": ["done"]}, "job_id": TEXT_OR_NULL,
            "rows": WHOLE_OR_NULL, "files": WHOLE_OR_NULL, "files_done": WHOLE, "failures": WHOLE, "error": TEXT_OR_NULL,
            "finished_at": {**TIME_OR_NULL, "examples": ["2018-09-14T03:00:21Z"]},
        }),
    },
    {"exporter_identifier": path("exporter_identifier", "From the list of data exporters")},
)  # fmt: skip
