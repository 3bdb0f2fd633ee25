"""The sweep: enqueues again what no worker has claimed, takes over from dead workers, clears what has expired."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import structlog

from app.background import TYPES
from app.db.models.account_link import drop_expired_links
from app.db.models.job import JobState, abandoned_jobs, forget, move, past_jobs
from app.db.models.job_part import drop_parts, whole_jobs
from app.db.models.token import drop_expired_tokens
from app.db.work import overdue, unclaimed
from app.jobs.attempt import discard
from app.jobs.parts import complete
from app.jobs.user_jobs import abandon
from app.queueing.broker import PARTS
from app.services import Services
from app.storage_keys import job_folder
from app.triage.changes import end_ignoring
from app.work.ending import take_over, unwritten
from app.work.work_type import WorkType, furthest

AT_MOST = 500  # rows of a kind per sweep; the next sweep goes on

log = structlog.get_logger()


def sweep(services: Services) -> None:
    """Bring every row that is due one step further. Safe to run at any time and twice at once."""
    sweep_work(services, TYPES.values())
    with services.db.read() as session:
        whole = whole_jobs(session, PARTS, AT_MOST)
    for job in whole:  # the worker that made the last part died before it could
        complete(services, job)
    _drop_abandoned(services)
    _clear_past(services)
    end_ignoring(services)
    with services.db.write() as session:
        drop_expired_tokens(session, services.now())
        drop_expired_links(session, services.now())


def _drop_abandoned(services: Services) -> None:
    """Cancel live jobs that nobody has polled for as long as the settings say."""
    if not services.config.abandon_after:
        return
    before = services.now() - timedelta(seconds=services.config.abandon_after)
    with services.db.read() as session:
        abandoned = abandoned_jobs(session, before, AT_MOST)
    for job_id in abandoned:
        abandon(services, job_id, before)


def _clear_past(services: Services) -> None:
    """Delete the files of expired results and, once no user needs them any more, the rows of ended jobs."""
    with services.db.read() as session:
        past = past_jobs(session, services.now(), AT_MOST)
    for job in past:
        if not discard(services, job_folder(job.id)):
            return  # the rows stay for a later sweep; the other steps must not wait for the storage
        with services.db.write() as session:
            if job.state == JobState.FINISHED:
                forget_at = services.now() + timedelta(seconds=services.config.tombstone_lifetime)
                move(
                    session,
                    job.id,
                    (JobState.FINISHED,),
                    state=JobState.EXPIRED,
                    result_text=None,
                    expires_at=forget_at,
                )
                if job.queue == PARTS:
                    drop_parts(session, job.id)
            else:
                forget(session, job.id)


def sweep_work(services: Services, types: Iterable[WorkType[Any]]) -> None:
    """Bring every row that is due one step further. Safe to run at any time and twice at once."""
    unwritten.write()
    sent: dict[str, int] = {}
    for work in types:
        now = services.now()
        with services.db.read() as session:
            silent = overdue(session, work.leasing, now, furthest(services, now), AT_MOST)
        for row in silent:
            take_over(services, work, row)
        sent[work.name] = _enqueue_unclaimed(services, work)
    for name, number in sent.items():
        if number:
            log.info("enqueued_again", work=name, rows=number)


def _enqueue_unclaimed(services: Services, work: WorkType[Any]) -> int:
    at_most = AT_MOST if work.swept_at_once is None else min(work.swept_at_once(services), AT_MOST)
    if work.message is None or at_most <= 0:
        return 0
    with services.db.write() as session:
        rows = unclaimed(session, work.leasing, services.now(), at_most)
    for row in rows:
        services.broker.enqueue(*work.message(row))
    return len(rows)
