"""Serves a finished job's stored bytes to whoever holds a signed link."""

from datetime import timedelta

from flask import Blueprint, Response, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.http import dump_options_header

from app.api.context import services
from app.db.app import is_member
from app.db.job import Job, JobState
from app.errors import NotFound, RangeNotSatisfiable
from app.jobs.kind import AnyJob
from app.jobs.outcomes import JobExpired
from app.services import Services

blueprint = Blueprint("downloads", __name__, url_prefix="/api")

SALT = "crashq download"  # a signature made for anything else opens nothing here
NOT_FOUND = "This link is not valid"


def link(services: Services, job: AnyJob, user_id: int) -> str:
    """A path that serves the job's stored bytes until the result expires, or the user may see the app no more."""
    return f"/api/downloads/{_serializer(services).dumps([job.id, job.attempt, user_id])}"


@blueprint.get("/downloads/<signed>")
def download(signed: str) -> Response:
    """The stored bytes, whole or a range of them."""
    job = _job_behind(services(), signed)
    assert job.result_key is not None
    assert job.result_size is not None
    size = job.result_size
    response = Response(mimetype=None)
    response.headers["Content-Type"] = job.result_media_type or "application/octet-stream"
    response.headers["Content-Disposition"] = dump_options_header("attachment", {"filename": job.result_filename})
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = "private"
    response.headers["Content-Security-Policy"] = "sandbox"  # a report holds what an app logged: it never runs as ours
    response.set_etag(str(job.result_sha256))
    response.last_modified = job.finished_at
    response.expires = job.expires_at
    if request.if_none_match.contains_weak(str(job.result_sha256)):
        response.status_code = 304
        return response
    start, end = _wanted_range(job, size)
    if (start, end) != (0, size):
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    response.content_length = end - start
    response.response = services().storage.stream(job.result_key, start, end) if end > start else []
    return response


def _job_behind(services: Services, signed: str) -> Job:
    try:
        job_id, attempt, user_id = _serializer(services).loads(signed)
    except (BadSignature, ValueError):
        raise NotFound(NOT_FOUND) from None
    with services.db.read() as session:
        job = session.get(Job, job_id)
        if job is None:
            raise JobExpired("This link has expired")
        if not is_member(session, user_id, job.app_id) or job.attempt != attempt:
            raise NotFound(NOT_FOUND)
    if job.state != JobState.FINISHED or job.expires_at is None or job.expires_at <= services.now():
        raise JobExpired("This link has expired")
    return job


def _wanted_range(job: Job, size: int) -> tuple[int, int]:
    """(start, end) of the one byte range asked for, else of the whole. Raises RangeNotSatisfiable."""
    wanted = request.range
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1 or not _is_unchanged(job):
        return 0, size
    found = wanted.range_for_length(size)
    if found is None:
        raise RangeNotSatisfiable(f"The file has {size} bytes; ask for a range within them")
    return found


def _is_unchanged(job: Job) -> bool:
    """True unless the client's If-Range names another version of the file."""
    condition = request.if_range
    if condition.etag is not None:
        return condition.etag == job.result_sha256
    if condition.date is not None:
        assert job.finished_at is not None
        return job.finished_at < condition.date + timedelta(seconds=1)  # HTTP dates have whole seconds
    return True


def _serializer(services: Services) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(services.config.secret_key, salt=SALT)
