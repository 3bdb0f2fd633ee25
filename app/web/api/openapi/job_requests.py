"""The OpenAPI description of what is answered by a job: each job type describes itself."""

from app.jobs import JOB_TYPES
from app.jobs.job_type import JobType
from app.web.api.openapi.examples import JOB, example_of
from app.web.api.openapi.generated import body_schema, query_parameters, schema_of
from app.web.api.openapi.words import (
    KEPT,
    POLLED,
    TEXT,
    ApiSubject,
    Json,
    answer,
    body,
    header,
    object_of,
    operation,
    parameters,
    query,
    schema,
)
from app.web.api.waiting import MAX_WAIT

_LOADING: Json = {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 1}


def _polled(name: str, job_type: JobType) -> Json:
    first, *others = name.split("_")
    is_get = job_type.METHOD == "GET"
    errors = (400, 401, 404, 410, 422, 429) if is_get else (400, 401, 403, 404, 409, 410, 413, 422, 429)
    more: Json = {} if job_type.BODY is None else {"requestBody": body(body_schema(job_type.BODY), required=False)}
    own_parameters = query_parameters(job_type.QUERY) if job_type.QUERY is not None else []
    made = operation(
        first + "".join(word.title() for word in others),
        job_type.SUMMARY,
        _envelope(job_type) | answer(None, "You have the finished result", 304, headers=KEPT),
        *errors,
        parameters=[*parameters(job_type.subject), *own_parameters, *(parameters("asked_job_id") if is_get else []),
                    *parameters("prefer", "if_none_match")],
        **more,
    )  # fmt: skip
    return {job_type.METHOD.lower(): made}


def _envelope(job_type: JobType) -> Json:
    """The answer, with one example while the job is at work and one of its end."""
    result = schema_of(job_type.RESULT, {})
    shape = object_of({"loading": _LOADING, "job_id": schema("JobId"), "success": {"const": True}, "result": result})
    made = answer(shape, "The job as it stands: `loading` is [true] until `result` is whole", headers=POLLED)
    common = {"job_id": JOB, "success": True}
    nothing_yet: list[Json] | None = [] if result.get("type") == "array" else None
    made["200"]["content"]["application/json"]["examples"] = {
        "loading": {"value": {"loading": [True], **common, "result": nothing_yet}},
        "finished": {"value": {"loading": [False], **common, "result": example_of(result, {})}},
    }
    return made


def _template(path: str) -> str:
    return "/api" + path.replace("<", "{").replace(">", "}")


SUBJECT = ApiSubject(
    "Questions",
    "Answered by jobs: repeat the request until `loading` is `[false]`.",
    {_template(job_type.PATH): _polled(name, job_type) for name, job_type in JOB_TYPES.items()},
    {"JobId": {"type": "string", "pattern": "^[0-9a-f]{24}$", "examples": [JOB]}},
    {
        "asked_job_id": query("job_id", TEXT, "Ask for that very job instead of the newest result"),
        "prefer": {
            **header("Prefer", TEXT, f"`wait=N`: held until the job ends, for at most N ≤ {MAX_WAIT} seconds (RFC 7240)"),
            "example": "wait=20",
        },
        "if_none_match": {
            **header("If-None-Match", TEXT, "ETag of an earlier answer"),
            "example": '"8a5edab282632443219e051e4ade2d1d"',
        },
    },
)  # fmt: skip
