"""The OpenAPI description of jobs."""

from app.api.openapi.words import (
    PAGING,
    TEXT,
    TIME,
    TIME_OR_NULL,
    WHOLE,
    WHOLE_OR_NULL,
    ApiSubject,
    Json,
    answer,
    described,
    header,
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
from app.jobs import JOB_TYPES
from app.jobs.listing import STATES

_JOB = answer(success_of(schema("Job")), "The job")
_ONE = parameters("job_id")
_ERROR: Json = {
    **object_of({
        "code": TEXT, "status": WHOLE, "message": TEXT, "explanation": described(TEXT, "What happened, in words for people"),
        "advice": described(TEXT, "What to do next"),
    }),
    "type": ["object", "null"],
}  # fmt: skip

_EVENTS = answer(
    described(
        {}, "`progress`, then `finished`, `failed`, `cancelled` or `expired`; `data` is what `GET /api/jobs/:job_id` tells"
    ),
    "Events", media="text/event-stream", headers="Cache-Control X-Accel-Buffering",
)  # fmt: skip
_EVENTS["200"]["content"]["text/event-stream"]["example"] = (
    'retry: 2000\n\nid: 1.3.3.finished\nevent: finished\ndata: {"job_id":"5f0c9a1be2d34c6788a0b1c2","kind":"occurrences",…}\n\n'
)
_KNOWN = answer(None, "You know its end", 204)

SUBJECT = ApiSubject(
    "Jobs",
    "How far the work on a request is, and what became of it.",
    {
        "/api/jobs": {
            "get": operation("listJobs", "Jobs that you asked for", page_of(schema("Job"), "Newest first"), 400, 401, 404,
                             parameters=[query("state", one_of(*STATES), "`live` is queued or running"),
                                         query("app_identifier", TEXT, "Only those about this app"),
                                         *parameters("after"), *PAGING]),
        },
        "/api/jobs/{job_id}": {
            "get": operation("showJob", "A job", _JOB, 401, 404, parameters=_ONE),
            "delete": operation("cancelJob", "Cancel a live job, or free the files of a finished one", _JOB, 401, 404,
                                parameters=_ONE),
        },
        "/api/jobs/{job_id}/retry": {
            "post": operation("retryJob", "Ask anew what a failed, cancelled or expired job was asked",
                              answer(success_of(schema("Job")), "The new job", 202), 401, 404, 409, 429, parameters=_ONE),
        },
        "/api/jobs/{job_id}/events": {
            "get": operation(
                "followJob", "A job's progress and its end, as a stream of server-sent events", _EVENTS | _KNOWN, 401, 404, 429,
                description="Each event is the whole state, so who was cut off misses nothing. The stream ends with the "
                "job, after half a minute, or when the login ends; connect again, with `Last-Event-ID`, until the job has ended. "
                "429 and 503: too many streams are open; poll instead.",
                parameters=[*_ONE, {**header("Last-Event-ID", TEXT, "`id` of the last event that you have"),
                                    "example": "1.20000.119000.running"}],
            ),
        },
    },
    {
        "Job": object_of({
            "job_id": schema("JobId"),
            "kind": {**one_of(*JOB_TYPES), "examples": ["occurrences"]},
            "question": {"type": "object", "description": "The normalised parameters"},
            "state": {**one_of("queued", "running", "finished", "failed", "cancelled", "expired"), "examples": ["finished"]},
            "progress": object_of({"done": WHOLE, "total": WHOLE, "unit": TEXT}),
            "attempts": WHOLE, "created_at": TIME, "started_at": TIME_OR_NULL, "finished_at": TIME_OR_NULL,
            "expires_at": TIME_OR_NULL, "size": described(WHOLE_OR_NULL, "Bytes of a finished result"), "error": _ERROR,
        }),
    },
    {"job_id": path("job_id", "From an envelope")},
)  # fmt: skip
