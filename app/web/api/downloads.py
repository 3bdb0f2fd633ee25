"""Serves a finished job's stored bytes to any client with a signed link."""

from datetime import timedelta
from typing import Annotated, NamedTuple

from flask import Response, request
from pydantic import Field
from werkzeug.http import dump_options_header

from app.db.models.job import Job, JobState
from app.db.models.job_part import find_part
from app.db.models.membership import is_member
from app.errors import NotFound, RangeNotSatisfiable
from app.identity.access import Access
from app.jobs.answering import JobExpired, lost_result_expires
from app.jobs.links import NOT_FOUND, read_link
from app.services import Services
from app.store_calls import check_size
from app.web.api import tags
from app.web.api.openapi.words import BINARY, KEPT, TEXT, Json, answer, header, parameters
from app.web.api.resource import Resource
from app.web.auth import services

resource = Resource("downloads", tags.DOWNLOADS, url_prefix="/api", access=Access.OPEN)
_HEADERS = f"{KEPT} Accept-Ranges Content-Disposition Content-Length"


def _file(about: str, status: int, headers: str) -> Json:
    """A response of any media type. Bytes are named first: some generators of clients do not know `*/*`."""
    made = answer(BINARY, about, status, media="application/octet-stream", headers=headers)
    made[str(status)]["content"]["*/*"] = {"schema": {}}
    return made


class FileToSend(NamedTuple):
    """What a link serves."""

    key: str
    size: int  # bytes
    sha256: str  # hex
    filename: str
    media_type: str


@resource.get(
    "/downloads/<signed>", "download", "A finished file, whole or a range of it",
    errors=(404, 410, 416), is_open=True,
    responses=_file("The file", 200, _HEADERS)
    | _file("The range that was asked for", 206, f"{_HEADERS} Content-Range")
    | answer(None, "You have it", 304, headers=f"{KEPT} Accept-Ranges Content-Disposition"),
    more={
        "parameters": [
            *parameters("if_none_match"),
            {**header("Range", TEXT, "One range of bytes"), "example": "bytes=0-1023"},
            {**header("If-Range", TEXT, "ETag or date: of another version the whole file comes"),
             "example": '"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"'},
        ]
    },
)  # fmt: skip
def download(signed: Annotated[str, Field(description="From a finished result")]) -> Response:
    """The stored bytes, whole or a range of them."""
    job, file = _file_behind(services(), signed)
    size = file.size
    response = Response(mimetype=None)
    response.headers["Content-Type"] = file.media_type
    response.headers["Content-Disposition"] = dump_options_header("attachment", {"filename": file.filename})
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = "private"
    response.headers["Content-Security-Policy"] = "sandbox"  # a report holds what an app logged: it never runs as ours
    response.set_etag(file.sha256)
    response.last_modified = job.finished_at
    response.expires = job.expires_at
    if request.if_none_match.contains_weak(file.sha256):
        response.status_code = 304
        return response
    if (stored := services().config.accel_redirect) is not None:  # the proxy sends the file, or the range asked for
        with lost_result_expires(services(), job):
            check_size(services().storage.stat(file.key).size, size)
        response.headers["X-Accel-Redirect"] = f"{stored}/{file.key}"
        return response
    start, end = _wanted_range(job, file)
    if (start, end) != (0, size):
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    response.content_length = end - start
    with lost_result_expires(services(), job):
        response.response = services().storage.stream(file.key, start, end, size=size) if end > start else []
    return response


def _file_behind(services: Services, signed: str) -> tuple[Job, FileToSend]:
    job_id, attempt, user_id, number = read_link(services, signed)
    with services.db.read() as session:
        job = session.get(Job, job_id)
        if job is None:
            raise JobExpired("This link has expired")
        if not is_member(session, user_id, job.app_id) or job.attempt != attempt:
            raise NotFound(NOT_FOUND)
        part = find_part(session, job_id, number) if number is not None else None
    if job.state != JobState.FINISHED or job.expires_at is None or job.expires_at <= services.now():
        raise JobExpired("This link has expired")
    if part is not None:
        return job, FileToSend(
            str(part.key), part.size or 0, str(part.sha256), str(part.filename), str(part.media_type)
        )
    if number is not None or job.result_key is None or job.result_size is None:
        raise NotFound(NOT_FOUND)
    media_type = job.result_media_type or "application/octet-stream"
    return job, FileToSend(
        job.result_key, job.result_size, str(job.result_sha256), str(job.result_filename), media_type
    )


def _wanted_range(job: Job, file: FileToSend) -> tuple[int, int]:
    """(start, end) of the one byte range asked for, else of the whole. Raises RangeNotSatisfiable."""
    wanted, size = request.range, file.size
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1 or not _is_unchanged(job, file):
        return 0, size
    found = wanted.range_for_length(size)
    if found is None:
        raise RangeNotSatisfiable(f"The file has {size} bytes; ask for a range within them")
    return found


def _is_unchanged(job: Job, file: FileToSend) -> bool:
    """True unless the client's If-Range names another version of the file."""
    condition = request.if_range
    if condition.etag is not None:
        return condition.etag == file.sha256
    if condition.date is not None:
        assert job.finished_at is not None
        return job.finished_at < condition.date + timedelta(seconds=1)  # HTTP dates have whole seconds
    return True
