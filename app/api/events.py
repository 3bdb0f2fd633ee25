"""A job as a stream of server-sent events: how far it is, as it changes, and its end."""

import json
import time
from collections.abc import Iterator
from http import HTTPStatus

from flask import Blueprint, Response, current_app, request

from app.accounts import token_hash
from app.api.context import services, token, user_id
from app.api.streams import Streams
from app.db.job import Job
from app.db.job_signs import Sign, Watched
from app.errors import NotFound, TransientError
from app.jobs import service
from app.jobs.envelope import description
from app.one_line import one_line
from app.services import Services

STREAMS = "crashq.streams"
MEDIA_TYPE = "text/event-stream"
RETRY = 2_000  # milliseconds after which a browser connects again
OPENING = b"retry: %d\n\n" % RETRY
HEARTBEAT = b": at work\n\n"

blueprint = Blueprint("events", __name__, url_prefix="/api")


@blueprint.get("/jobs/<job_id>/events")
def follow(job_id: str) -> Response:
    """Events until the job has ended or the stream's time is over; 204 when the client knows the end already."""
    user, streams = user_id(), _streams()
    job = service.look_up(services(), user, job_id)
    last = request.headers.get("Last-Event-ID", "")
    if not job.is_live and last == event_id(job):
        return Response(status=HTTPStatus.NO_CONTENT)  # tells a browser to connect no more
    watched = Watched(token_hash(token()), job.id)
    leave = streams.enter(watched.token_hash)
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
            return  # the login has ended, or the job is no longer this user's: the next connection is answered with the reason
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
    data = one_line(json.dumps(description(job), separators=(",", ":"), ensure_ascii=False))
    name = "progress" if job.is_live else job.state.value
    return f"id: {event_id(job)}\nevent: {name}\ndata: {data}\n\n".encode(errors="replace")


def _sign(job: Job) -> Sign:
    return Sign(job.state, job.attempt, job.progress_done, job.progress_total)


def _streams() -> Streams:
    found: Streams = current_app.extensions[STREAMS]
    return found
