"""The OpenAPI description of apps and their crashes."""

from app.api.openapi.words import (
    PAGING,
    TEXT,
    TIME,
    WHOLE,
    ApiSubject,
    object_of,
    one_of,
    operation,
    page_of,
    parameters,
    path,
    query,
    schema,
)
from app.db.crash import SORTS
from app.jobs.crash_list import MAX_SEARCH, MAX_WORDS, ORDERS

WANTED = [
    *(
        query(f"{seen}_seen_{bound}", TEXT, f"{word} occurrence not {when} this day (UTC) or time, ISO 8601")
        for seen, word in (("first", "First"), ("last", "Latest"))
        for bound, when in (("since", "before"), ("until", "after"))
    ),
    query(
        "search", {**TEXT, "maxLength": MAX_SEARCH}, f"At most {MAX_WORDS} words, each in the title, in capitals or not"
    ),
    query("sort", {**one_of(*SORTS), "default": SORTS[0]}, "What the list is ordered by"),
    query("order", {**one_of(*ORDERS), "default": ORDERS[0]}, "From high to low, or from low to high"),
]

SUBJECT = ApiSubject(
    "Apps",
    "The apps that you may see, and their crashes.",
    {
        "/api/apps": {
            "get": operation("listApps", "Apps that you may see", page_of(schema("App"), "By name"), 400, 401, parameters=PAGING),
        },
        "/api/apps/{app_identifier}/crashes": {
            "get": operation(
                "listCrashes", "Crashes of an app", page_of(schema("Crash"), "By `sort`"), 400, 401, 404,
                parameters=[*parameters("app_identifier"), *PAGING, *parameters("since_date", "until_date"), *WANTED],
            ),
        },
    },
    {
        "App": object_of({"identifier": {**TEXT, "examples": ["7b1d4f0a9c3e5d2b8a6f4e1c"]}, "name": TEXT, "created_at": TIME}),
        "Crash": object_of(
            {"identifier": TEXT, "title": TEXT, "first_seen": TIME, "last_seen": TIME, "occurrences_count": WHOLE}
        ),
    },
    {"app_identifier": path("app_identifier", "24 hex digits, printed by `crashq app add`")},
)  # fmt: skip
