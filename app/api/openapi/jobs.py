"""The OpenAPI description of jobs."""

from app.api.openapi.words import (
    PAGING,
    TEXT,
    TIME,
    TIME_OR_NULL,
    WHOLE,
    WHOLE_OR_NULL,
    Json,
    Subject,
    answer,
    object_of,
    one_of,
    operation,
    page_of,
    parameters,
    path,
    query,
    schema,
    success_of,
    told,
)
from app.jobs import KINDS
from app.jobs.service import STATES

_JOB = answer(success_of(schema("Job")), "The job")
_ONE = parameters("job_id")
_ERROR: Json = {
    **object_of({
        "code": TEXT, "status": WHOLE, "message": TEXT, "explanation": told(TEXT, "What happened, in words for people"),
        "advice": told(TEXT, "What to do next"),
    }),
    "type": ["object", "null"],
}  # fmt: skip

SUBJECT = Subject(
    "Jobs",
    "How far the work on a question is, and what became of it.",
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
    },
    {
        "Job": object_of({
            "job_id": schema("JobId"),
            "kind": {**one_of(*KINDS), "examples": ["occurrences"]},
            "question": {"type": "object", "description": "The normalised parameters"},
            "state": {**one_of("queued", "running", "finished", "failed", "cancelled", "expired"), "examples": ["finished"]},
            "progress": object_of({"done": WHOLE, "total": WHOLE, "unit": TEXT}),
            "attempts": WHOLE, "created_at": TIME, "started_at": TIME_OR_NULL, "finished_at": TIME_OR_NULL,
            "expires_at": TIME_OR_NULL, "size": told(WHOLE_OR_NULL, "Bytes of a finished result"), "error": _ERROR,
        }),
    },
    {"job_id": path("job_id", "From an envelope")},
)  # fmt: skip
