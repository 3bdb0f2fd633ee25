"""Job -> the JSON that a client polls: the only place that spells `loading` and `job_id`."""

import hashlib
import json
from typing import Any

from app import iso_time
from app.db.job import Job, JobState
from app.jobs import JOB_TYPES
from app.jobs.job_type import AnyJob, Body, Showing, stream_between
from app.jobs.reasons import reason_of


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


def description(job: Job) -> dict[str, Any]:
    """A job as /api/jobs shows it: what was asked, how far it is, and how it ended."""
    error = {"code": job.error_code, "status": job.error_status, "message": job.error_message}
    failure = {**error, **reason_of(job.error_code)._asdict()}
    return {
        "job_id": job.id,
        "kind": job.kind,
        "question": json.loads(job.params),
        "state": job.state.value,
        "progress": {
            "done": job.progress_done,
            "total": max(job.progress_total, job.progress_done),
            "unit": JOB_TYPES[job.kind].UNIT,
        },
        "attempts": job.attempt,
        "created_at": iso_time.rfc3339(job.created_at),
        "started_at": job.started_at and iso_time.rfc3339(job.started_at),
        "finished_at": job.finished_at and iso_time.rfc3339(job.finished_at),
        "expires_at": job.expires_at and iso_time.rfc3339(job.expires_at),
        "size": job.result_size if job.state == JobState.FINISHED else None,
        "error": failure if job.state == JobState.FAILED else None,
    }
