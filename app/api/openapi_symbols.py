"""The OpenAPI description of symbols."""

from app.api.openapi_words import (
    TEXT,
    TIME,
    WHOLE,
    Json,
    json_answer,
    list_of,
    object_of,
    operation,
    path,
    query,
    ref,
    success_of,
)
from app.db.symbols import SymbolState

_TEXT_OR_NULL: Json = {"type": ["string", "null"]}

SCHEMAS: Json = {
    "Symbols": object_of({
        "identifier": TEXT, "name": TEXT, "kind": {**_TEXT_OR_NULL, "description": "elf, macho, breakpad, proguard, …"},
        "state": {"type": "string", "enum": [state.value for state in SymbolState]},
        "reason": {**_TEXT_OR_NULL, "description": "Why it is rejected"},
        "debug_ids": {**list_of(TEXT), "description": "Of the images it describes; of a mapping its uuid"},
        "version": _TEXT_OR_NULL, "build": _TEXT_OR_NULL, "size": WHOLE, "sha256": TEXT, "received_at": TIME,
    }),
}  # fmt: skip
PARAMETERS: Json = {"symbols_identifier": path("symbols_identifier", "From the list of symbols")}

_APP = [ref("parameters", "app_identifier")]
_ONE = [*_APP, ref("parameters", "symbols_identifier")]
_PAGING = [ref("parameters", "page"), ref("parameters", "per_page")]
_ANSWER = json_answer(success_of(ref("schemas", "Symbols")), "The file")
_add = operation(
    "addSymbols", "Send one file of debug information or one mapping", _ANSWER, 400, 401, 404, 413, 415,
    parameters=[*_APP, query("name", TEXT, "Of the file"), query("version", TEXT, "Of the app, for mappings"),
                query("build", TEXT, "Of the app, for mappings")],
    requestBody={"required": True,
                 "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
)  # fmt: skip
_add["responses"]["202"] = _add["responses"].pop("200")

PATHS: Json = {
    "/api/apps/{app_identifier}/symbols": {
        "post": _add,
        "get": operation("listSymbols", "Symbols of an app",
                         json_answer(success_of(list_of(ref("schemas", "Symbols"))), "Newest first"),
                         400, 401, 404, parameters=[*_APP, *_PAGING]),
    },
    "/api/apps/{app_identifier}/symbols/{symbols_identifier}": {
        "get": operation("showSymbols", "A file of symbols", _ANSWER, 401, 404, parameters=_ONE),
        "delete": operation("deleteSymbols", "Delete a file of symbols",
                            json_answer(object_of({"success": {"const": True}}), "Deleted"), 401, 404, parameters=_ONE),
    },
}  # fmt: skip
