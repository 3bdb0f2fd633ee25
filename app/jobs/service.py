"""Asking, running, publishing and cancelling jobs: with app.jobs.sweep the only code that changes Job.state."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from app.broker import RUN_JOB
from app.db import insert_or_ignore
from app.db.app import is_member
from app.db.crash import Crash, find_crash
from app.db.job import (
    LIVE_STATES,
    Job,
    JobAsker,
    JobState,
    askers_of,
    find_job,
    insert_job,
    jobs_of,
    latest_job,
    move,
    new_job_id,
    ring_pause,
)
from app.errors import AppError, Gone, NotFound, TransientError
from app.jobs import KINDS
from app.jobs.attempt import Attempt, AttemptLost
from app.jobs.kind import Artefact, Question
from app.observe import current_request_id, on_behalf_of
from app.services import Services
from app.storage import job_folder

FRESH_FOR = timedelta(seconds=30)  # a finished result answers that long although newer occurrences have come
FAILURE_ANSWERS_FOR = timedelta(minutes=1)  # a failed job is not begun anew more often than this
NEARLY_EXPIRED = timedelta(
    minutes=5
)  # a result that expires within this is made anew, so that its link is worth having
RETRY_PAUSE = timedelta(seconds=2)  # before the next attempt after a transient failure; doubles with each
CRASH_IDENTIFIER = re.compile(r"[0-9a-f]{24}")
JOB_ID = re.compile(r"[0-9a-f]{24}")

log = structlog.get_logger()


class CrashNotFound(NotFound):
    """The vendor's sentence, to the letter: the identifier is not put in."""

    code, message = "crash_not_found", "App Crash with identifier occurrences."


class CrashNotVisible(NotFound):
    """The vendor's sentence for another tenant's crash."""

    code, message = "crash_not_visible", "You have no access to this app crash"


class JobNotFound(NotFound):
    """Unknown, another question's or another user's job."""

    code, message = "job_not_found", "Job not found"


class JobCancelled(Gone):
    """Somebody cancelled it."""

    code, message = "job_cancelled", "The job was cancelled"


class JobExpired(Gone):
    """Its result has been deleted."""

    code, message = "job_expired", "The job's result has expired"


class JobFailed(AppError):
    """The failure kept in the job's row."""

    def __init__(self, job: Job) -> None:
        self.code = job.error_code or "job_failed"
        self.status = job.error_status or 500
        super().__init__(job.error_message)


def ask(services: Services, user_id: int, kind: str, crash_identifier: str, query: Mapping[str, str]) -> Job:
    """Start, join or find the job that answers a question; returns its row, live or finished.

    `query` is the request's; its `job_id` asks for that very job. Raises NotFound, BadParameters, Gone or JobFailed.
    """
    with services.db.read() as session:
        crash = _visible_crash(session, user_id, crash_identifier)
        question = KINDS[kind].read(session, crash, query)
        params = question.params.model_dump_json()
        key = hashlib.sha256(f"{kind}\n{params}".encode()).hexdigest()
        if query.get("job_id"):
            return answering(_own_job(session, user_id, query["job_id"], key), services.now())
        found = latest_job(session, key, user_id)
        if found and _still_answers(kind, found[0], crash, services.now()):
            job, has_asked = found
            if has_asked:
                return answering(job, services.now())
        else:
            job = None
    if job is None:
        return _start_or_join(services, user_id, kind, key, params, crash, question)
    with services.db.write() as session:
        _remember_asker(session, job.id, user_id, services.now())
    return answering(job, services.now())


def look_up(services: Services, user_id: int, job_id: str) -> Job:
    """The job as it stands, whatever its state. Raises JobNotFound unless the user asked for it and still may."""
    with services.db.read() as session:
        return _own_job(session, user_id, job_id)


def asked_by(services: Services, user_id: int, limit: int, offset: int) -> list[Job]:
    """The jobs a user has asked for, newest first."""
    with services.db.read() as session:
        return jobs_of(session, user_id, limit, offset)


def answering(job: Job, now: datetime) -> Job:
    """The same job if it is live or its result can be had; else raises what became of it."""
    if job.state == JobState.FAILED:
        raise JobFailed(job)
    if job.state == JobState.CANCELLED:
        raise JobCancelled
    if job.state == JobState.EXPIRED or (job.expires_at is not None and job.expires_at <= now):
        raise JobExpired
    return job


def run(services: Services, job_id: str) -> None:
    """Make one attempt at a queued job and publish its result. Safe to call twice: only one caller claims an attempt."""
    job = _claim(services, job_id)
    if job is not None:
        with on_behalf_of(job.request_id):
            _run(services, job)


def _run(services: Services, job: Job) -> None:
    log.info("job_started", job=job.id, kind=job.kind, attempt=job.attempt)
    kind = KINDS[job.kind]
    try:
        with Attempt(job, services) as attempt:
            artefact = kind.compute(kind.Params.model_validate_json(job.params), attempt)
        published = _publish(services, job, attempt, artefact)
    except AttemptLost:
        published = False
    except AppError as error:
        _fail(services, job, error)
        return
    except Exception as error:
        log.exception("job_broke", job=job.id, kind=job.kind, attempt=job.attempt, error=type(error).__name__)
        _fail(services, job, TransientError("The server failed to make this result"))
        return
    if published:
        log.info("job_finished", job=job.id, kind=job.kind, attempt=job.attempt, bytes=artefact.size)
    else:
        services.storage.delete_folder(f"{job_folder(job.id)}/{job.attempt}")
        log.info("attempt_lost", job=job.id, kind=job.kind, attempt=job.attempt)


def cancel(services: Services, user_id: int, job_id: str) -> Job:
    """Withdraw a user from a job: the last one to leave stops a live job or frees the files of a finished one.

    Returns the row afterwards; an ended job without files stays as it is. Raises JobNotFound.
    """
    now = services.now()
    with services.db.write() as session:
        job = _own_job(session, user_id, job_id)
        others = [asker for asker in askers_of(session, job_id) if asker != user_id]
        if others:
            session.delete(session.get_one(JobAsker, (job_id, user_id)))
            return job
        forget_at = now + timedelta(seconds=services.config.tombstone_lifetime)
        values = {"finished_at": now, "expires_at": forget_at, "result_text": None, "lease_expires_at": None}
        cancelled = move(session, job_id, LIVE_STATES, None, state=JobState.CANCELLED, **values)
        freed = not cancelled and move(
            session, job_id, (JobState.FINISHED,), None, state=JobState.EXPIRED, result_text=None, expires_at=forget_at
        )
        session.expire_all()
        job = session.get_one(Job, job_id)
    if cancelled or freed:
        services.storage.delete_folder(job_folder(job_id))
        log.info("job_cancelled" if cancelled else "job_freed", job=job_id, user=user_id)
    return job


def _visible_crash(session: Session, user_id: int, identifier: str) -> Crash:
    crash = find_crash(session, identifier) if CRASH_IDENTIFIER.fullmatch(identifier) else None
    if crash is None:
        raise CrashNotFound
    if not is_member(session, user_id, crash.app_id):
        raise CrashNotVisible
    return crash


def _own_job(session: Session, user_id: int, job_id: str, key: str | None = None) -> Job:
    found = find_job(session, job_id, user_id) if JOB_ID.fullmatch(job_id) else None
    if found is None:
        raise JobNotFound
    job, has_asked = found
    if not has_asked or (key is not None and job.key != key) or not is_member(session, user_id, job.app_id):
        raise JobNotFound
    return job


def _still_answers(kind: str, job: Job, crash: Crash, now: datetime) -> bool:
    """The wire contract's freshness rule for a request without a job_id (section 3)."""
    if job.is_live:
        return True
    if job.state == JobState.FAILED:
        return job.finished_at is not None and now - job.finished_at < FAILURE_ANSWERS_FOR
    if job.state != JobState.FINISHED or job.expires_at is None or job.finished_at is None:
        return False
    if now - job.finished_at < FRESH_FOR:
        return job.expires_at > now
    return job.expires_at - now > NEARLY_EXPIRED and KINDS[kind].is_fresh(job, crash)


def _start_or_join(
    services: Services, user_id: int, kind: str, key: str, params: str, crash: Crash, question: Question
) -> Job:
    now = services.now()
    job_id = new_job_id()
    values = {
        "id": job_id,
        "kind": kind,
        "key": key,
        "params": params,
        "app_id": crash.app_id,
        "crash_id": crash.id,
        "state": JobState.QUEUED,
        "request_id": current_request_id(),
        "created_at": now,
        "ring_after": now + ring_pause(0),
        "progress_total": question.total,
        "attempt": 0,
        "rings": 0,
        "progress_done": 0,
    }
    with services.db.write() as session:
        is_new = insert_job(session, values)
        found = find_job(session, job_id, user_id) if is_new else latest_job(session, key, user_id)
        if found is None:  # a live job of the same key was there, and has been deleted since: a matter of microseconds
            raise TransientError
        job, has_asked = found
        if not has_asked:
            _remember_asker(session, job.id, user_id, now)
    if is_new:
        log.info("job_queued", job=job.id, kind=kind, user=user_id)
        services.broker.ring(RUN_JOB, job.id)
    return answering(job, now)


def _remember_asker(session: Session, job_id: str, user_id: int, now: datetime) -> None:
    insert_or_ignore(session, JobAsker, {"job_id": job_id, "user_id": user_id, "asked_at": now})


def _claim(services: Services, job_id: str) -> Job | None:
    now = services.now()
    lease = timedelta(seconds=services.config.job_lease)
    with services.db.write() as session:
        claimed = move(
            session,
            job_id,
            (JobState.QUEUED,),
            None,
            state=JobState.RUNNING,
            attempt=Job.attempt + 1,
            started_at=now,
            lease_expires_at=now + lease,
            preview_key=None,
            progress_done=0,
        )
        return session.get(Job, job_id) if claimed else None


def _publish(services: Services, job: Job, attempt: Attempt, artefact: Artefact) -> bool:
    """Make the result visible; False when the attempt is no longer the job's latest."""
    now = services.now()
    done, total = attempt.progress
    with services.db.write() as session:
        return move(
            session,
            job.id,
            (JobState.RUNNING,),
            job.attempt,
            state=JobState.FINISHED,
            finished_at=now,
            expires_at=now + timedelta(seconds=services.config.result_lifetime),
            lease_expires_at=None,
            progress_done=done,
            progress_total=total,
            data_revision=attempt.data_revision,
            result_text=artefact.text,
            result_key=artefact.key,
            result_size=artefact.size,
            result_sha256=artefact.sha256,
            result_filename=artefact.filename,
            result_media_type=artefact.media_type,
        )


def _fail(services: Services, job: Job, error: AppError) -> None:
    """Queue the next attempt after a transient failure, else end the job with its reason."""
    if isinstance(error, TransientError) and job.attempt < services.config.max_attempts:
        ring_after = services.now() + RETRY_PAUSE * 2 ** (job.attempt - 1)
        with services.db.write() as session:
            moved = move(
                session,
                job.id,
                (JobState.RUNNING,),
                job.attempt,
                state=JobState.QUEUED,
                ring_after=ring_after,
                rings=0,
                lease_expires_at=None,
                error_code=error.code,
                error_message=error.message,
            )
        log.warning("job_retried" if moved else "attempt_lost", job=job.id, attempt=job.attempt, code=error.code)
        return
    if isinstance(error, TransientError):
        error = AttemptsUsedUp(f"The job failed {job.attempt} times, last with: {error.message}")
    end_as_failed(services, job, error)


def end_as_failed(services: Services, job: Job, error: AppError) -> bool:
    """End this attempt's job with its reason, for pollers to read until it is forgotten; False when it has moved on."""
    now = services.now()
    with services.db.write() as session:
        moved = move(
            session,
            job.id,
            (JobState.RUNNING,),
            job.attempt,
            state=JobState.FAILED,
            finished_at=now,
            expires_at=now + timedelta(seconds=services.config.tombstone_lifetime),
            lease_expires_at=None,
            error_code=error.code,
            error_status=error.status,
            error_message=error.message,
        )
    if moved:
        log.warning("job_failed", job=job.id, kind=job.kind, attempt=job.attempt, code=error.code)
        services.storage.delete_folder(f"{job_folder(job.id)}/{job.attempt}")
    return moved


class AttemptsUsedUp(AppError):
    """Every attempt met a failure that might have passed."""

    code, status = "attempts_used_up", 500
