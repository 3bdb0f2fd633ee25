"""The caretaker: rings again for what nobody picked up, takes over from dead workers, clears what has expired."""

from datetime import timedelta

import structlog

from app.broker import DIGEST_LOG, INGEST, LONG, MAKE_SYMBOLS, PARTS, REGROUP, RUN_ERASURE, RUN_JOB, UPKEEP
from app.db.erasure import unheard_erasures
from app.db.job import JobState, abandoned_jobs, forget, move, overdue_jobs, past_jobs, unheard_jobs
from app.db.job_part import drop_parts, overdue_parts, whole_jobs
from app.db.log import unheard_logs
from app.db.regrouping import due_regroupings
from app.db.symbols import unheard_symbols
from app.db.token import drop_expired_tokens
from app.jobs.cancelling import abandon
from app.jobs.files import discard
from app.jobs.outcomes import WorkerSilent
from app.jobs.parts import complete, end_part, ring_for_parts
from app.jobs.running import end_attempt
from app.services import Services
from app.storage import job_folder

AT_MOST = 500  # rows of a kind per sweep; the next sweep goes on

log = structlog.get_logger()


def sweep(services: Services) -> None:
    """Bring every row that is due one step further. Safe to run at any time and twice at once."""
    _take_over(services)
    _drop_abandoned(services)
    _clear_past(services)
    now = services.now()
    with services.db.write() as session:
        drop_expired_tokens(session, now)
        jobs = unheard_jobs(session, now, AT_MOST)
        logs = unheard_logs(session, now, AT_MOST)
        regroupings = due_regroupings(session, now, AT_MOST)
        symbols = unheard_symbols(session, now, AT_MOST)
        erasures = unheard_erasures(session, now, AT_MOST)
    for job_id, queue in jobs:
        services.broker.ring(RUN_JOB, job_id, queue)
    for row_id in logs:
        services.broker.ring(DIGEST_LOG, str(row_id), INGEST)
    for one in regroupings:
        services.broker.ring(REGROUP, str(one), LONG)
    for row in symbols:
        services.broker.ring(MAKE_SYMBOLS, str(row), LONG)
    for erasure_id in erasures:
        services.broker.ring(RUN_ERASURE, erasure_id, UPKEEP)
    parts = ring_for_parts(services, AT_MOST)
    if jobs or logs or parts:
        log.info("rang_again", jobs=len(jobs), logs=len(logs), parts=parts)


def _take_over(services: Services) -> None:
    """End the attempts whose worker fell silent; the ring for the next one comes right after."""
    now = services.now()
    with services.db.read() as session:
        overdue = overdue_jobs(session, now, AT_MOST)
    for job in overdue:
        end_attempt(services, job, WorkerSilent(), overdue_at=now)
    with services.db.read() as session:
        silent, whole = overdue_parts(session, now, AT_MOST), whole_jobs(session, PARTS, AT_MOST)
    for part, job in silent:
        end_part(services, job, part, WorkerSilent(), overdue_at=now)
    for job in whole:  # the worker that made the last part died before it could
        complete(services, job)


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
    """Delete the files of expired results and, once nobody needs to be told any more, the rows of ended jobs."""
    with services.db.read() as session:
        past = past_jobs(session, services.now(), AT_MOST)
    for job in past:
        if not discard(services, job_folder(job.id)):
            return  # the rows stay for a later sweep; ringing must not wait for the storage
        with services.db.write() as session:
            if job.state == JobState.FINISHED:
                forget_at = services.now() + timedelta(seconds=services.config.tombstone_lifetime)
                move(
                    session,
                    job.id,
                    (JobState.FINISHED,),
                    None,
                    state=JobState.EXPIRED,
                    result_text=None,
                    expires_at=forget_at,
                )
                if job.queue == PARTS:
                    drop_parts(session, job.id)
            else:
                forget(session, job.id)
