"""The OpenAPI 3.1 description of every route: one module for each subject, and each kind of job by its own module."""

from collections.abc import Sequence

from app.errors import STATUS_WORDS
from app.web.api import tags
from app.web.api.openapi import job_requests
from app.web.api.openapi.examples import fill_in
from app.web.api.openapi.generated import subject_of
from app.web.api.openapi.words import (
    HEADERS,
    OF_EVERY_ANSWER,
    TEXT,
    WHOLE,
    ApiSubject,
    Json,
    error_answer,
    object_of,
    path,
    query,
    ref,
)
from app.web.api.resource import Resource
from app.web.api.tags import Tag

DESCRIPTION = (
    "Occurrences and reports of mobile crashes, computed as jobs. "
    "The same request starts a job, joins it, polls it and returns its result: repeat it until `loading` is `[false]`."
)

SECURITY: Json = {
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Token <auth_token>`, from POST /api/login; for uploads also `Token <ingest key>`",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "crashq",
        "description": "Of a browser signed in to the console (`__Host-crashq` over https), where no token is sent. From "
        "pages of the service's own origin only; methods that change something also need the page's `X-CSRF-Token`",
    },
    "senderKey": {"type": "apiKey", "in": "query", "name": "sentry_key", "description": "The app's ingest key"},
    "sentryAuth": {
        "type": "apiKey", "in": "header", "name": "X-Sentry-Auth",
        "description": "`Sentry sentry_key=<ingest key>`; `Authorization` is read the same way",
    },
    "basic": {"type": "http", "scheme": "basic", "description": "The ingest key as the password, as ACRA sends it"},
    "bugsnagKey": {"type": "apiKey", "in": "header", "name": "Bugsnag-Api-Key", "description": "The app's ingest key"},
}  # fmt: skip

ERROR: Json = object_of(
    {
        "success": {"const": False},
        "status": {"type": "string", "enum": list(STATUS_WORDS.values())},
        "error_message": TEXT,
    }
)

PARAMETERS: Json = {
    "crash_identifier": path("crash_identifier", "24 hex digits, from the list of an app's crashes"),
    "app_identifier": path("app_identifier", "24 hex digits, printed by `crashq app add`"),
    "after": query(
        "after", {**TEXT, "examples": ["1536840000000000.5f0c9a1be2d34c6788a0b1c2"]}, "From the Link of a page"
    ),
    "page": query("page", WHOLE, "From 1"),
    "per_page": query("per_page", {"type": "integer", "default": 1000}, "1 to 10000; out of range means 1000"),
    "since_date": query("since_date", TEXT, "First day (UTC) or time, ISO 8601"),
    "until_date": query("until_date", TEXT, "Last day (UTC) or time, ISO 8601"),
}

SENTENCES = {
    400: "since_date is not a date",
    401: "Authentication token missing, unknown or expired",
    403: "You are a viewer of this app; this takes an owner",
    404: "App not found",
    405: "This path does not take this method",
    409: "The log exists with other bytes",
    410: "The job was cancelled",
    408: "The body came too slowly",
    413: "The log is larger than 20971520 bytes",
    415: "This content type or encoding is not supported",
    416: "The file has 4096 bytes; ask for a range within them",
    422: "The log cannot be read",
    429: "You wait for 1000 jobs already; ask again when one has ended",
    500: "Something went wrong on the server",
    503: "A part of the service is unavailable, try again",
}
"""Of the examples of errors."""


def describe(resources: Sequence[Resource], version: str) -> Json:
    """The whole document, with the resources' tags in their order. It must not be changed."""
    subjects = _subjects(resources)
    document: Json = {
        "openapi": "3.1.0",
        "info": {"title": "crashq", "version": version, "description": DESCRIPTION,
                 "license": {"name": "MIT", "identifier": "MIT"}},
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"session": []}],
        "tags": [{"name": subject.tag, "description": subject.about} for subject in subjects],
        "paths": {},
        "components": {
            "securitySchemes": SECURITY,
            "schemas": {"Error": ERROR},
            "parameters": dict(PARAMETERS),
            "headers": HEADERS,
            "responses": {word: _failure(status, word) for status, word in STATUS_WORDS.items()},
        },
    }  # fmt: skip
    for subject in subjects:
        document["components"]["schemas"] |= subject.schemas
        document["components"]["parameters"] |= subject.parameters
        for place, item in subject.paths.items():
            document["paths"].setdefault(place, {}).update(
                {method: {"tags": [subject.tag], **made} for method, made in item.items()}
            )
    _name_every_request(document)
    fill_in(document)
    return document


def _subjects(resources: Sequence[Resource]) -> list[ApiSubject]:
    by_tag: dict[Tag, list[Resource]] = {}
    for resource in resources:
        by_tag.setdefault(resource.tag, []).append(resource)
    described = {tag.name: subject_of(*same) for tag, same in by_tag.items()}
    return [job_requests.SUBJECT if tag == tags.RESULTS else described[tag.name] for tag in tags.ALL]


def _failure(status: int, word: str) -> Json:
    made = error_answer(status)
    made["content"]["application/json"]["example"] = {
        "success": False, "status": word, "error_message": SENTENCES[status],
    }  # fmt: skip
    return made


def _name_every_request(document: Json) -> None:
    """Every answer has the request's id, and tells caches and browsers who may have it."""
    answers = list(document["components"]["responses"].values())
    answers += [
        made for item in document["paths"].values() for one in item.values() for made in one["responses"].values()
    ]
    for answer in answers:
        if "$ref" not in answer:
            answer["headers"] = {
                **answer.get("headers", {}),
                **{name: ref("headers", name) for name in OF_EVERY_ANSWER},
            }
