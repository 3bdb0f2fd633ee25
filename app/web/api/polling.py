"""Finds the job that answers a GET: `ask` is the plain way, `ask_at_once` the same by one statement where that is enough."""

from typing import NamedTuple, Protocol

from flask import current_app, request

from app.identity.accounts import token_hash
from app.jobs import service
from app.jobs.job_type import AnyJob
from app.web.auth import services, token, user_id

ASK = "crashq.ask"

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


def look(poll: Poll, job_id: str) -> AnyJob | None:
    """A job that is waited for, live or finished; None when it takes more to tell what became of it."""
    query = {**request.args.to_dict(), "job_id": job_id}
    found = service.ask_at_once(services(), poll.token_hash, poll.job_type, poll.identifier, query)
    return found[1] if found else None
