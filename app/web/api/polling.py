"""A poll from end to end: the job that answers a request is found or started, waited for where that is asked, and shown.

`ask` is the plain way to the job of a GET, `ask_at_once` the same by one statement where that is enough.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple, Protocol

from flask import Response, current_app, request
from isal import isal_zlib
from werkzeug.http import http_date

from app.identity.access import Access
from app.identity.accounts import token_hash
from app.jobs import JOB_TYPES, service
from app.jobs.answering import answered, answering, is_live, lost_result_expires, wait_until_durable
from app.jobs.envelope import envelope, etag, progress
from app.jobs.job_type import AnyJob, JobType, Showing
from app.jobs.links import link, part_link
from app.web.api import answers, tags
from app.web.api.request_values import request_values
from app.web.api.resource import Resource
from app.web.api.waiting import LONG, MAX_WAIT, WaitingRooms
from app.web.auth import base_url, services, token, user_id

ASK, WAITING = "crashq.ask", "crashq.waiting"  # extensions of the application
PACKED_FROM = 64 * 1024  # bytes of a result; packing saves no time on what is shorter
LEVEL = 1  # 540 MB/s on one core, to an eighth for a list; zlib's own level 1 packs 87 MB/s, and no better
GZIP = 16 + isal_zlib.MAX_WBITS  # a header and a checksum around it
PACKED = "-gzip"  # behind the ETag of a result that is packed: other bytes are another tag

resource = Resource("polling", tags.RESULTS, url_prefix="/api", access=Access.USER)

_WAIT = re.compile(r"(?:^|,)\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?:;[^,]*)?(?=,|$)", re.IGNORECASE)

Answer = tuple[int, AnyJob]
"""Who asks, by their row id, and the live or finished job."""


class Poll(NamedTuple):
    """A request as its polls repeat it, and who makes it."""

    token_hash: str
    job_type: str
    identifier: str  # of the crash or the app
    words: str | bytes  # the id of a job, or else the query string


class Ask(Protocol):
    """`ask_at_once`, or a part for speed around it (`app.speed`)."""

    def __call__(self, poll: Poll, *, may_be_new: bool = True, is_held: bool = False) -> Answer:
        """The user and the job. `may_be_new`: there may be no job yet. `is_held`: the response waits for the job."""


def this_poll(job_type: str, identifier: str) -> Poll:
    """The request at hand. Raises Unauthorized when it has no token."""
    return Poll(token_hash(token()), job_type, identifier, request.args.get("job_id") or request.query_string)


def _mount(name: str, job_type: JobType) -> None:
    """Submitting and polling are the same request."""

    def get(**path: str) -> Response:
        poll = this_poll(name, path[job_type.subject])
        seconds = wanted_wait(request.headers.get("Prefer", ""))
        user, job = answer(poll, is_held=seconds is not None)
        return job_response(user, job) if seconds is None else _held(name, user, job, seconds, poll)

    def post(**path: str) -> Response:
        user = user_id()
        job = service.ask(services(), user, name, path[job_type.subject], request_values())
        seconds = wanted_wait(request.headers.get("Prefer", ""))
        return job_response(user, job) if seconds is None else _held(name, user, job, seconds, None)

    view = get if job_type.METHOD == "GET" else post
    resource.add_url_rule(job_type.PATH, endpoint=name, view_func=view, methods=[job_type.METHOD])


for _name, _job_type in JOB_TYPES.items():
    _mount(_name, _job_type)


def wanted_wait(prefer: str) -> int | None:
    """Seconds asked for, at most MAX_WAIT; None when the header does not ask."""
    match = _WAIT.search(prefer)
    return min(int(match[1]), MAX_WAIT) if match else None


def answer(poll: Poll, *, is_held: bool = False) -> Answer:
    """The answer of this process: by `ask_at_once` with the parts for speed that are on. Raises what `ask` raises."""
    found: Ask = current_app.extensions[ASK]
    return found(poll, is_held=is_held)


def ask(poll: Poll) -> Answer:
    """Look the user up, then find, join or start the job that answers the request. Raises what the two raise."""
    user = user_id()
    return user, service.ask(services(), user, poll.job_type, poll.identifier, request.args.to_dict())


def ask_at_once(poll: Poll, *, may_be_new: bool = True, is_held: bool = False) -> Answer:
    """By one statement, where that is enough. `is_held`: the response waits for the job, so its row needs no wait now."""
    found = service.ask_at_once(
        services(),
        poll.token_hash,
        poll.job_type,
        poll.identifier,
        request.args.to_dict(),
        may_be_new=may_be_new,
        async_commit=is_held,
    )
    return found or ask(poll)


def _held(name: str, user: int, job: AnyJob, seconds: int, poll: Poll | None) -> Response:
    if not job.is_live:
        return job_response(user, job)
    latest, was_held = _hold(name, user, job, seconds, poll)
    response = job_response(user, latest)
    if was_held:
        response.headers["Preference-Applied"] = f"wait={seconds}"
    return response


def _hold(job_type: str, user: int, job: AnyJob, seconds: int, poll: Poll | None) -> tuple[AnyJob, bool]:
    """Hold the request until a live job has ended, for so many seconds at most.

    Returns the job as it stands then, and False if there was no place to wait. Raises what became of the job. `poll`: what a
    GET asks; all its checks are made at each look, so that a login which ends meanwhile is heeded.
    """
    latest: AnyJob | None = None

    def is_over() -> bool:
        nonlocal latest
        latest = _look(poll, job.id) if poll else None
        return not (latest.is_live if latest else is_live(services(), job))

    rooms: WaitingRooms = current_app.extensions[WAITING]
    was_held = rooms.held.wait(seconds, job_type if service.is_short(job) else LONG, age(job), is_over)
    if latest is None:
        return answering(service.look_up(services(), user, job.id), services().now()), was_held
    if not latest.is_live:
        answered(services(), latest)
    return latest, was_held


def _look(poll: Poll, job_id: str) -> AnyJob | None:
    """A job that is waited for, live or finished; None when it takes more to tell what became of it."""
    query = {**request.args.to_dict(), "job_id": job_id}
    found = service.ask_at_once(services(), poll.token_hash, poll.job_type, poll.identifier, query)
    return found[1] if found else None


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
    if body.size < PACKED_FROM:
        return answers.stream(body, {"ETag": f'"{tag}"', **kept})
    kept["Vary"] = "Accept-Encoding"
    if not request.accept_encodings["gzip"]:
        return answers.stream(body, {"ETag": f'"{tag}"', **kept})
    own = {"Content-Type": "application/json", "Content-Encoding": "gzip", "ETag": f'"{tag}{PACKED}"'}
    return Response(_packed(body.chunks), headers={**own, **kept})


@lru_cache(256)
def _http_date(time: datetime) -> str:
    return http_date(time)


def _showing(user: int) -> Showing:
    return Showing(
        services().storage,
        lambda job: base_url() + link(services(), job, user),
        lambda job, number: base_url() + part_link(services(), job, number, user),
    )


def _retry_after(job: AnyJob) -> int:
    """Seconds: a fifth of the time the job has taken so far, from 1 to 10; long jobs need not be asked for often."""
    return max(1, min(10, int(age(job) / 5)))


def _packed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes as one gzip stream, made while it is sent; as much is held as one chunk takes."""
    packer = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, GZIP)
    for chunk in chunks:
        if part := packer.compress(chunk):
            yield part
    yield packer.flush()
