"""The OpenAPI description of symbols."""

from app.api.openapi.words import (
    BARE_SUCCESS,
    BINARY,
    PAGING,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    WHOLE,
    ApiSubject,
    Json,
    answer,
    body,
    described,
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
from app.db.symbols import SymbolState

_APP = parameters("app_identifier")
_ONE = parameters("app_identifier", "symbols_identifier")
_SHOWN: Json = success_of(schema("Symbols"))
_BASE = "/api/apps/{app_identifier}/symbols"

SUBJECT = ApiSubject(
    "Symbols",
    "Debug information and mappings, by which reports name their frames.",
    {
        _BASE: {
            "post": operation(
                "addSymbols", "Send a file of debug information, a mapping, a source map, or a .zip of these",
                answer(_SHOWN, "Stored; a worker reads it", 202), 400, 401, 404, 413, 415,
                parameters=[*_APP, query("name", {**TEXT, "examples": ["mapping.txt"]}, "Of the file"),
                            query("version", TEXT, "Of the app, for mappings"), query("build", TEXT, "Of the app, for mappings")],
                requestBody=body(BINARY, "application/octet-stream"),
            ),
            "get": operation("listSymbols", "Symbols of an app", page_of(schema("Symbols"), "Newest first"), 400, 401, 404,
                             parameters=[*_APP, *PAGING]),
        },
        f"{_BASE}/{{symbols_identifier}}": {
            "get": operation("showSymbols", "A file of symbols", answer(_SHOWN, "The file"), 401, 404, parameters=_ONE),
            "delete": operation("deleteSymbols", "Delete a file of symbols", answer(BARE_SUCCESS, "Deleted"), 401, 404,
                                parameters=_ONE),
        },
    },
    {
        "Symbols": object_of({
            "identifier": {**TEXT, "examples": ["d41d8cd98f00b204e9800998"]},
            "name": {**TEXT, "examples": ["Notes.app.dSYM.zip"]},
            "kind": {**TEXT_OR_NULL, "examples": ["macho"], "description": "elf, macho, breakpad, proguard, …"},
            "state": {**one_of(*(state.value for state in SymbolState)), "examples": ["ready"]},
            "reason": described(TEXT_OR_NULL, "Why it is rejected"),
            "debug_ids": described(list_of(TEXT), "Of the images it describes; of a mapping its uuid"),
            "images": described(list_of(object_of({
                "debug_id": {**TEXT_OR_NULL, "examples": ["0a0b0c0d-0000-4000-8000-000000000002"]},
                "kind": one_of("native", "mapping", "source_map"), "arch": TEXT_OR_NULL,
                "name": described(TEXT_OR_NULL, "Of the file that it was in"),
            })), "What it holds, the first 1,000"),
            "waiting_logs": described(WHOLE, "Digested before it came, and still to be grouped anew with it"),
            "version": TEXT_OR_NULL, "build": TEXT_OR_NULL, "size": WHOLE, "sha256": TEXT, "received_at": TIME,
        }),
    },
    {"symbols_identifier": path("symbols_identifier", "From the list of symbols")},
)  # fmt: skip
