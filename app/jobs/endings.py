"""How attempts end, at a job or at one of its parts: what is final, and what is written then."""

from datetime import datetime, timedelta
from typing import Any

import structlog

from app.db import Session
from app.db.hot.finishing import Finish, finish_job
from app.db.models.job import Job, JobState, move
from app.db.queries.webhook_events import tell_job_failed
from app.errors import AppError
from app.jobs.job_type import Artefact
from app.queueing.broker import PUSH, UPKEEP
from app.services import Services
from app.telemetry import metrics

log = structlog.get_logger()


def publish(services: Services, job: Job, artefact: Artefact, done: int, total: int, data_revision: int | None) -> bool:
    """Make the result visible; False when the job is another claim's by now."""
    now = services.now()
    finish = finish_job(
        services.db,
        job.id,
        job.attempt,
        job.holder,
        finished_at=now,
        expires_at=now + timedelta(seconds=services.config.result_lifetime),
        progress_done=done,
        progress_total=total,
        data_revision=data_revision,
        result_text=artefact.text,
        result_key=artefact.key,
        result_size=artefact.size,
        result_sha256=artefact.sha256,
        result_filename=artefact.filename,
        result_media_type=artefact.media_type,
    )
    if finish is not None:
        tell_finished(services, job, finish, now)
    return finish is not None


def tell_finished(services: Services, job: Job, finish: Finish, now: datetime) -> None:
    """Count a job that has finished, log it, and enqueue the deliveries to its webhooks."""
    metrics.attempts.add(job.kind, "finished")
    metrics.job_times.observe((now - job.created_at).total_seconds(), job.kind)
    log.info("job_finished", job=job.id, kind=job.kind, attempt=job.attempt, bytes=finish.size)
    if finish.notified:
        services.broker.enqueue(PUSH, job.id, UPKEEP)


def failed(error: AppError, now: datetime, forget_at: datetime) -> dict[str, Any]:
    """The columns of a job that has failed."""
    return {
        "state": JobState.FAILED,
        "finished_at": now,
        "expires_at": forget_at,
        "lease_expires_at": None,
        "preview_key": None,
        "error_code": error.code,
        "error_status": error.status,
        "error_message": error.message,
    }


def fail(services: Services, session: Session, job_id: str, error: AppError, now: datetime) -> bool:
    """Let a running job fail, and write the deliveries to webhooks along with it; False when it has ended already."""
    forget_at = now + timedelta(seconds=services.config.tombstone_lifetime)
    moved = move(session, job_id, (JobState.RUNNING,), **failed(error, now, forget_at))
    if moved:
        tell_job_failed(session, job_id)
    return moved
