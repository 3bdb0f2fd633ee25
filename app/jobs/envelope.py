"""A job as JSON: the envelope that a client polls, and what the list of jobs shows. Only this spells `loading` and `job_id`."""

import hashlib
import json
from typing import Annotated, Any

import structlog
from pydantic import Field, WithJsonSchema

from app.db.models.job import Job, JobState
from app.errors import AppError
from app.jobs import JOB_TYPES
from app.jobs.job_type import AnyJob, Body, Showing, stream_between
from app.jobs.reasons import reason_of
from app.json_models import ResponseBody, Time

JobId = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": "^[0-9a-f]{24}$", "examples": ["5f0c9a1be2d34c6788a0b1c2"]})
]

log = structlog.get_logger()


class ProgressBody(ResponseBody):
    """How far work has come."""

    done: int
    total: int
    unit: str


def envelope(job: AnyJob, showing: Showing) -> Body:
    """`{"loading":[…],"job_id":"…","success":true,"result":…}` with the result streamed. For a live or finished job."""
    loading = b"true" if job.is_live else b"false"
    head = b'{"loading":[%s],"job_id":"%s","success":true,"result":' % (loading, job.id.encode())
    return stream_between(head, JOB_TYPES[job.kind].present(job, showing), b"}")


def etag(job: AnyJob) -> str:
    """A strong validator of a finished job's result: changes with the job and with the bytes."""
    return hashlib.sha256(f"{job.id} {job.result_sha256}".encode()).hexdigest()[:32]


def progress(job: AnyJob) -> str:
    """`<done>/<total> <unit>` for X-Progress."""
    return f"{job.progress_done}/{max(job.progress_total, job.progress_done)} {JOB_TYPES[job.kind].UNIT}"


class JobError(ResponseBody):
    """Why a job failed."""

    code: str
    status: int
    message: str
    explanation: str = Field(description="What happened, in words for people")
    advice: str = Field(description="What to do next")


class JobBody(ResponseBody, component="Job"):
    """A job: what was requested, how far it is, and how it ended."""

    job_id: JobId
    kind: Annotated[str, WithJsonSchema({"type": "string", "enum": list(JOB_TYPES), "examples": ["occurrences"]})]
    question: Annotated[dict[str, Any], WithJsonSchema({"type": "object", "description": "The normalised parameters"})]
    state: JobState = Field(examples=["finished"])
    progress: ProgressBody
    attempts: int
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    expires_at: Time | None
    size: int | None = Field(description="Bytes of a finished result")
    error: JobError | None


def description(job: Job) -> JobBody:
    """A job as /api/jobs shows it."""
    failure = None
    if job.state == JobState.FAILED:
        reason = reason_of(job.error_code)
        failure = JobError(
            code=job.error_code or AppError.code,
            status=job.error_status or AppError.status,
            message=job.error_message or AppError.message,
            explanation=reason.explanation,
            advice=reason.advice,
        )
    total = max(job.progress_total, job.progress_done)
    return JobBody.of(
        job,
        job_id=job.id,
        question=json.loads(job.params),
        progress=ProgressBody(done=job.progress_done, total=total, unit=JOB_TYPES[job.kind].UNIT),
        attempts=job.attempt,
        size=job.result_size if job.state == JobState.FINISHED else None,
        error=failure,
    )
