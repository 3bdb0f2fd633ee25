"""Finds the job that answers a GET: `ask` is the plain way, and each function after it a layer that makes polls cheap.

A layer hands on to the one before it whatever it cannot do itself. To leave one out, call the one before it.
"""

from typing import NamedTuple

from flask import current_app, request

from app.identity.accounts import token_hash
from app.jobs import service
from app.jobs.answering import answered, answering, is_expired, is_live
from app.jobs.job_type import AnyJob
from app.jobs.service import is_short
from app.web.api.job_response import age
from app.web.api.repeats import Repeats, changes
from app.web.api.waiting import BRIEF_WAIT, LONG, WaitingRooms
from app.web.auth import services, token, user_id

REPEATS, WAITING = "crashq.repeats", "crashq.waiting"
SMALL = 16 * 1024  # characters of a result that is kept to be repeated

Answer = tuple[int, AnyJob]
"""Who asks, by their row id, and the live or finished job."""


class Poll(NamedTuple):
    """A request as its polls repeat it, and who makes it."""

    token_hash: str
    job_type: str
    identifier: str  # of the crash or the app
    words: str | bytes  # the id of a job, or else the query string


def this_poll(job_type: str, identifier: str) -> Poll:
    """The request at hand. Raises Unauthorized when it has no token."""
    return Poll(token_hash(token()), job_type, identifier, request.args.get("job_id") or request.query_string)


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


def ask_or_repeat(poll: Poll, *, may_be_new: bool = True, is_held: bool = False) -> Answer:
    """By no statement at all, if the same poll was answered some milliseconds ago and nothing has changed since."""
    repeats: Repeats[Answer] = current_app.extensions[REPEATS]
    key, word = (poll, request.query_string), changes.now()
    kept = repeats.find(key)
    if kept and not is_expired(kept[1], services().now()):
        return kept
    found = ask_at_once(poll, may_be_new=may_be_new, is_held=is_held)
    if not found[1].is_live and len(found[1].result_text or "") <= SMALL:
        repeats.keep(key, word, found)
    return found


def ask_with_brief_wait(poll: Poll) -> Answer:
    """After a brief wait for the end of a short job, if a poll of the same user just now found it under way."""
    _, brief, recent = _waiting()
    found: Answer | None = None

    def is_over() -> bool:
        nonlocal found
        found = ask_or_repeat(poll, may_be_new=False)
        return not found[1].is_live

    seen_at_age = recent.age(poll)
    if seen_at_age is not None:
        brief.wait(BRIEF_WAIT, poll.job_type, seen_at_age, is_over)
    user, job = found or ask_or_repeat(poll, may_be_new=seen_at_age is None)
    if not job.is_live:
        if seen_at_age is not None:
            recent.forget(poll)
            answered(services(), job)
    elif is_short(job):
        for same in (poll, poll._replace(words=job.id)):
            recent.note(same, age(job))
    return user, job


def hold(job_type: str, user: int, job: AnyJob, seconds: int, poll: Poll | None) -> tuple[AnyJob, bool]:
    """Hold the request until a live job has ended, for so many seconds at most.

    Returns the job as it stands then, and False if there was no place to wait. Raises what became of the job. `poll`: what a
    GET asks; all its checks are made at each look, so that a login which ends meanwhile is heeded.
    """
    latest: AnyJob | None = None

    def is_over() -> bool:
        nonlocal latest
        latest = _look(poll, job.id) if poll else None
        return not (latest.is_live if latest else is_live(services(), job))

    was_held = _waiting().held.wait(seconds, job_type if is_short(job) else LONG, age(job), is_over)
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


def _waiting() -> WaitingRooms:
    found: WaitingRooms = current_app.extensions[WAITING]
    return found
