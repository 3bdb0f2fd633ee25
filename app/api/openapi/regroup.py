"""The OpenAPI description of grouping an app's stored logs anew."""

from app.api.openapi.words import (
    FLAG,
    TEXT,
    TIME,
    TIME_OR_NULL,
    WHOLE,
    WHOLE_OR_NULL,
    ApiSubject,
    Json,
    answer,
    body,
    described,
    object_of,
    one_of,
    operation,
    parameters,
    schema,
    success_of,
)

_APP = parameters("app_identifier")
_REGROUPING: Json = object_of({
    "state": {**one_of("waiting", "running", "finished"), "examples": ["finished"]},
    "rules": described({**WHOLE_OR_NULL, "examples": [2]},
                       "Version of the rules; null where only what people decided is carried out"),
    "progress": {**object_of({"done": WHOLE, "total": WHOLE, "unit": TEXT}),
                 "examples": [{"done": 119, "total": 119, "unit": "logs"}]},
    "moved": described({**WHOLE, "examples": [7]}, "Occurrences that are counted in another crash now"),
    "unreadable": described(WHOLE, "Logs that stay grouped as they are"),
    "created_at": TIME,
    "finished_at": TIME_OR_NULL,
})  # fmt: skip
_BEGIN = object_of({"anew": described({**FLAG, "examples": [False]}, "From the first log on")}, ("anew",))

SUBJECT = ApiSubject(
    "Regrouping",
    "Stored logs grouped anew, by the rules of a newer release and by what people decided.",
    {
        "/api/apps/{app_identifier}/regroup": {
            "get": operation(
                "showRegrouping", "How far it is",
                answer(success_of({**_REGROUPING, "type": ["object", "null"]}),
                       "The one under way, else the latest, else null", headers="Retry-After X-Progress"),
                401, 404, parameters=_APP,
            ),
            "post": operation(
                "regroup", "Group all stored logs anew, or join what is under way",
                answer(success_of(schema("Regrouping")), "It has begun, or was under way", 202,
                       headers="Location Retry-After X-Progress"),
                400, 401, 404, 413, parameters=_APP, requestBody=body(_BEGIN, required=False),
            ),
        },
    },
    {"Regrouping": _REGROUPING},
)  # fmt: skip
