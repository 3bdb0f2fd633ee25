"""A job as a stream of server-sent events: how far it is, as it changes, and its end."""

import json
import time
from collections.abc import Iterator
from http import HTTPStatus

from flask import Response, current_app, request

from app.db.models.job import Job
from app.db.queries.job_signs import Sign, Watched
from app.errors import NotFound, TransientError
from app.identity.access import Access
from app.identity.accounts import token_hash
from app.jobs import service
from app.jobs.envelope import description
from app.one_line import one_line
from app.services import Services
from app.web.api import tags
from app.web.api.jobs import JobIdentifier
from app.web.api.openapi.words import TEXT, answer, header
from app.web.api.resource import Resource
from app.web.api.streams import Streams
from app.web.auth import services, token

STREAMS = "crashq.streams"
MEDIA_TYPE = "text/event-stream"
RETRY = 2_000  # milliseconds after which a browser connects again
OPENING = b"retry: %d\n\n" % RETRY
HEARTBEAT = b": at work\n\n"

resource = Resource("events", tags.JOBS, url_prefix="/api", access=Access.USER)

_EVENTS = answer(
    {"description": "`progress`, then `finished`, `failed`, `cancelled` or `expired`; `data` is what "
     "`GET /api/jobs/:job_id` tells"},
    "Events", media=MEDIA_TYPE, headers="Cache-Control X-Accel-Buffering",
)  # fmt: skip
_EVENTS["200"]["content"][MEDIA_TYPE]["example"] = (
    'retry: 2000\n\nid: 1.3.3.finished\nevent: finished\ndata: {"job_id":"5f0c9a1be2d34c6788a0b1c2","kind":"occurrences",…}\n\n'
)


@resource.get(
    "/jobs/<job_id>/events", "followJob", "A job's progress and its end, as a stream of server-sent events",
    responses=_EVENTS | answer(None, "You know its end", 204), errors=(404, 429),
    more={
        "description": "Each event is the whole state, so who was cut off misses nothing. The stream ends with the "
        "job, after half a minute, or when the login ends; connect again, with `Last-Event-ID`, until the job has ended. "
        "429 and 503: too many streams are open; poll instead.",
        "parameters": [
            {**header("Last-Event-ID", TEXT, "`id` of the last event that you have"), "example": "1.20000.119000.running"}
        ],
    },
)  # fmt: skip
def follow(user: int, job_id: JobIdentifier) -> Response:
    """Events until the job has ended or the stream's time is over; 204 when the client knows the end already."""
    streams = _streams()
    job = service.look_up(services(), user, job_id)
    last = request.headers.get("Last-Event-ID", "")
    if not job.is_live and last == event_id(job):
        return Response(status=HTTPStatus.NO_CONTENT)  # tells a browser to connect no more
    watched = Watched(token_hash(token()), job.id)
    leave = streams.enter(watched.token_hash, user, job.app_id)
    response = Response(_events(services(), streams, watched, user, job, last), mimetype=MEDIA_TYPE)
    response.call_on_close(leave)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"  # nginx passes each event on at once
    streams.watch.hurry()
    return response


def event_id(job: Job) -> str:
    """What tells apart the states of a job that a stream shows: equal ids, equal events."""
    return f"{job.attempt}.{job.progress_done}.{job.progress_total}.{job.state.value}"


def _events(services: Services, streams: Streams, watched: Watched, user: int, job: Job, last: str) -> Iterator[bytes]:
    until = time.monotonic() + streams.pace.lifetime
    yield OPENING + (HEARTBEAT if last == event_id(job) else _event(job))
    last, known = event_id(job), _sign(job)
    while job.is_live and (left := until - time.monotonic()) > 0:
        found = streams.watch.wait(watched, known, min(left, streams.pace.heartbeat))
        if found is None:
            return  # the login has ended, or the job is this user's no more: the next connection gets the error
        if found == known:
            yield HEARTBEAT
            continue
        try:
            job = service.look_up(services, user, job.id)
        except TransientError:
            continue
        except NotFound:
            return
        known = _sign(job)
        if event_id(job) != last:
            last = event_id(job)
            yield _event(job)


def _event(job: Job) -> bytes:
    told = one_line(json.dumps(description(job).to_json(), separators=(",", ":"), ensure_ascii=False))
    name = "progress" if job.is_live else job.state.value
    return f"id: {event_id(job)}\nevent: {name}\ndata: {told}\n\n".encode(errors="replace")


def _sign(job: Job) -> Sign:
    return Sign(job.state, job.attempt, job.progress_done, job.progress_total)


def _streams() -> Streams:
    found: Streams = current_app.extensions[STREAMS]
    return found
