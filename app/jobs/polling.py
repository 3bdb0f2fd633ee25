"""The quick way through a request: one statement finds who asks and the answer, or that there is a job to begin."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache

from pydantic import BaseModel

from app.broker import RUN_JOB, SHORT
from app.db import poll
from app.db.job import JobState
from app.errors import AppError
from app.jobs import KINDS
from app.jobs.crash_access import CRASH_IDENTIFIER
from app.jobs.kind import AnyJob, key_of
from app.jobs.service import JOB_ID, is_to_be_noted
from app.jobs.starting import find_or_begin, start_or_join, still_answers
from app.services import Services

SETTLED_AFTER = timedelta(seconds=30)  # three times the longest pause of PostgreSQL's WAL writer that can be set


@lru_cache(1_000)
def _read(kind: str, crash_identifier: str, query: tuple[tuple[str, str], ...]) -> tuple[BaseModel, str]:
    """The question and its key: the same for every poll of a job. Raises BadParameters."""
    asked = KINDS[kind].read(crash_identifier, dict(query))
    return asked, key_of(kind, asked)


def is_live(services: Services, job: AnyJob) -> bool:
    """True while a job that was found for its user is not ended: a look that costs little."""
    return poll.is_live(services.db, job.id)


def is_over(job: AnyJob, now: datetime) -> bool:
    """True when a job's result has expired."""
    return job.expires_at is not None and job.expires_at <= now


def answered(services: Services, job: AnyJob) -> None:
    """To be called when a user who has waited for a short job is told its end."""
    services.broker.answered(RUN_JOB, job.id, SHORT)


def settle(services: Services, job: AnyJob) -> None:
    """To be called before a user is told of a live job for the first time: no crash of the database loses it from now on."""
    if services.now() - job.created_at < SETTLED_AFTER:
        services.db.settle(job.id)


def answer_at_once(
    services: Services,
    token_hash: str,
    kind: str,
    crash_identifier: str,
    query: Mapping[str, str],
    *,
    is_new: bool = False,
    at_ease: bool = False,
) -> tuple[int, AnyJob] | None:
    """(id of the user whose token this is, the live or finished job that answers the question, begun if there is none).

    None when it takes more: somebody to log in, a job to join, renew or note, or an error to tell. `service.ask` knows.
    `is_new`: there may be no job for it yet. `at_ease`: see `starting.start_or_join`.
    """
    job_id = query.get("job_id") or None
    if not CRASH_IDENTIFIER.fullmatch(crash_identifier) or (job_id and not JOB_ID.fullmatch(job_id)):
        return None
    now = services.now()
    try:
        asked, key = _read(kind, crash_identifier, tuple(item for item in query.items() if item[0] != "job_id"))
        found = None
        if is_new and not job_id and KINDS[kind].COUNTS_OCCURRENCES:
            found = find_or_begin(services, token_hash, crash_identifier, kind, key, asked, at_ease=at_ease)
        found = found or poll.find_poll(services.db, token_hash, now, crash_identifier, key, job_id)
    except AppError:
        return None
    if found is None:
        return None
    job = found.job
    if job is None:
        if job_id:
            return None
        begun = start_or_join(services, found.user_id, kind, key, asked, found.crash, at_ease=at_ease)
        return found.user_id, begun
    if found.seen_at is None:
        return None
    answers = not is_over(job, now) if job_id else still_answers(job, found.crash, now)
    has_answer = job.is_live or job.state == JobState.FINISHED
    return (found.user_id, job) if answers and has_answer and not is_to_be_noted(job, found.seen_at, now) else None
