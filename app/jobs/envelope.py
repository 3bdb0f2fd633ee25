"""A job as JSON: the envelope that a client polls, links to stored results, and why a job failed. The only place that
spells `loading` and `job_id`.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated, Any, NamedTuple

import structlog
from itsdangerous import BadSignature, URLSafeTimedSerializer
from pydantic import Field, WithJsonSchema

from app.db.models.job import Job, JobState, expire
from app.errors import AppError, NotFound
from app.jobs import JOB_TYPES
from app.jobs.answering import ResultLost
from app.jobs.job_type import AnyJob, Body, Showing, stream_between
from app.json_models import ResponseBody, Time
from app.services import Services
from app.storage import ObjectNotFound

JobId = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": "^[0-9a-f]{24}$", "examples": ["5f0c9a1be2d34c6788a0b1c2"]})
]
SALT = "crashq download"  # a signature made for anything else opens nothing here
NOT_FOUND = "This link is not valid"

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


def link(services: Services, job: AnyJob, user_id: int) -> str:
    """A path that serves the job's stored bytes until the result expires, or the user may see the app no more."""
    return f"/api/downloads/{_serializer(services).dumps([job.id, job.attempt, user_id])}"


def part_link(services: Services, job: AnyJob, number: int, user_id: int) -> str:
    """The same for one part of a job that was made in parts."""
    return f"/api/downloads/{_serializer(services).dumps([job.id, job.attempt, user_id, number])}"


def read_link(services: Services, signed: str) -> tuple[str, int, int, int | None]:
    """(job id, attempt, user id, the part's number or None) of a path's end. Raises NotFound."""
    try:
        job_id, attempt, user_id, *rest = _serializer(services).loads(signed)
    except (BadSignature, ValueError):
        raise NotFound(NOT_FOUND) from None
    return job_id, attempt, user_id, rest[0] if rest else None


def _serializer(services: Services) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(services.config.secret_key, salt=SALT)


@contextmanager
def lost_result_expires(services: Services, job: AnyJob) -> Iterator[None]:
    """For what opens the stored result of a finished job. Raises ResultLost where it is gone or damaged."""
    try:
        yield
    except ObjectNotFound as error:
        forget_at = services.now() + timedelta(seconds=services.config.tombstone_lifetime)
        with services.db.write() as session:
            is_first = expire(session, job.id, forget_at)
        if is_first:
            log.warning("result_lost", job=job.id, code=error.code)
        raise ResultLost from error


class Reason(NamedTuple):
    """Two sentences."""

    explanation: str  # what happened
    advice: str  # what to do next


ANYTHING = Reason(
    "Something went wrong on the server.",
    "Retry it; if it fails again, tell the operator the job's id.",
)

REASONS = {
    "attempts_used_up": Reason(
        "Several workers tried, and each attempt ended in a failure that might have passed.",
        "Retry it; if it fails again, tell the operator the job's id: the service's log says what its workers met.",
    ),
    "outage_lasted": Reason(
        "The database or the store was away for longer than a job waits.",
        "Retry it when the service is well again: its readiness page names what is away.",
    ),
    "took_too_long": Reason(
        "It took longer than a job may, and was stopped.",
        "Ask for less, a shorter time or fewer filters, or for a batch, which is made in parts.",
    ),
    "malformed_log": Reason(
        "The stored log can no longer be read as the format it was digested as.",
        "Look at the log; send it again in whole if you have it. Trying again does not help.",
    ),
    "log_removed": Reason(
        "The log it needs was older than the app keeps logs, and has been removed.",
        "Nothing brings it back; keep logs for longer in the app's settings if you need reports of old crashes.",
    ),
    "object_not_found": Reason(
        "A file that it needs is not in the store any more.",
        "Tell the operator: `crashq doctor` lists what is missing.",
    ),
    "object_damaged": Reason(
        "A file that it needs is in the store, but not whole.",
        "Tell the operator: `crashq doctor` lists what is damaged, and a backup may have it whole.",
    ),
    "reports_changed": Reason(
        "The app's redaction or symbols changed while the batch was made, so its parts would not agree.",
        "Retry it: the new batch is made by the new settings.",
    ),
    "not_found": Reason(
        "What it was asked about is no longer there: merged, aged or erased.",
        "Look for the crash in the app's list and ask there.",
    ),
    "crash_not_found": Reason(
        "The crash is no longer there: merged, aged or erased.",
        "Look for it in the app's list and ask there.",
    ),
    "gone": Reason(
        "What it was to be made of has been removed meanwhile.",
        "Retry it if what you need is still in the app's list.",
    ),
    "conflict": Reason(
        "Something changed under it while it was made.",
        "Retry it.",
    ),
    "bad_parameters": Reason(
        "The request makes no sense to this release of the service.",
        "Ask again from the page of the crash or the app.",
    ),
    "internal_error": ANYTHING,
}
"""Code of a failed job -> what to say. Codes are those of `app.errors` and of whatever `compute` raises."""


def reason_of(code: str | None) -> Reason:
    """What to say about a failure."""
    return REASONS.get(code or "", ANYTHING)
