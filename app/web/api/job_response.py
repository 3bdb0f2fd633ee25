"""A job as a response: the envelope, and the headers that say when to ask again or how long the result is good."""

from datetime import datetime
from functools import lru_cache
from http import HTTPStatus

from flask import Response, request
from werkzeug.http import http_date

from app.jobs.answering import wait_until_durable
from app.jobs.envelope import envelope, etag, progress
from app.jobs.job_type import AnyJob, Showing
from app.jobs.links import link, lost_result_expires, part_link
from app.web.api import answers, packing
from app.web.auth import services

PACKED = "-gzip"  # behind the ETag of a result that is packed: other bytes are another tag


def job_response(user: int, job: AnyJob) -> Response:
    """The answer to a poll of a live or finished job, for the user of the request."""
    return _of_live(user, job) if job.is_live else _of_finished(user, job)


def age(job: AnyJob) -> float:
    """Seconds since a job was asked for."""
    return (services().now() - job.created_at).total_seconds()


def _of_live(user: int, job: AnyJob) -> Response:
    if not request.args.get("job_id"):
        wait_until_durable(services(), job)
    response = answers.stream(envelope(job, _showing(user)))
    response.headers["Retry-After"] = str(_retry_after(job))
    response.headers["X-Progress"] = progress(job)
    response.headers["Cache-Control"] = "no-store"
    return response


def _of_finished(user: int, job: AnyJob) -> Response:
    assert job.finished_at is not None
    assert job.expires_at is not None
    tag = etag(job)
    kept = {
        "Last-Modified": _http_date(job.finished_at),
        "Expires": _http_date(job.expires_at),
        "Cache-Control": "private",
    }
    if request.if_none_match.contains_weak(tag) or request.if_none_match.contains_weak(tag + PACKED):
        return Response(status=HTTPStatus.NOT_MODIFIED, headers={"ETag": f'"{tag}"', **kept})
    with lost_result_expires(services(), job):
        body = envelope(job, _showing(user))
    if body.size < packing.FROM:
        return answers.stream(body, {"ETag": f'"{tag}"', **kept})
    kept["Vary"] = "Accept-Encoding"
    if not request.accept_encodings["gzip"]:
        return answers.stream(body, {"ETag": f'"{tag}"', **kept})
    own = {"Content-Type": "application/json", "Content-Encoding": "gzip", "ETag": f'"{tag}{PACKED}"'}
    return Response(packing.packed(body.chunks), headers={**own, **kept})


@lru_cache(256)
def _http_date(time: datetime) -> str:
    return http_date(time)


def _showing(user: int) -> Showing:
    return Showing(
        services().storage,
        lambda job: _host() + link(services(), job, user),
        lambda job, number: _host() + part_link(services(), job, number, user),
    )


def _host() -> str:
    return services().config.public_url or request.url_root.rstrip("/")


def _retry_after(job: AnyJob) -> int:
    """Seconds: a fifth of the time the job has taken so far, from 1 to 10; long jobs need not be asked for often."""
    return max(1, min(10, int(age(job) / 5)))
