"""For code that waits for a job: whether it is live, that its row is durable, that its end was answered."""

from datetime import timedelta

from app.db.hot import poll
from app.jobs.job_type import AnyJob
from app.queueing.broker import RUN_JOB, SHORT
from app.services import Services

DURABLE_AFTER = timedelta(seconds=30)  # three times the longest pause of PostgreSQL's WAL writer that can be set


def is_live(services: Services, job: AnyJob) -> bool:
    """True while a job that was found for its user is not ended: a look that costs little."""
    return poll.is_live(services.db, job.id)


def wait_until_durable(services: Services, job: AnyJob) -> None:
    """Return when no crash of the database can lose a live job; to be called before its user is answered."""
    if services.now() - job.created_at < DURABLE_AFTER:
        services.db.wait_until_durable(job.id)


def answered(services: Services, job: AnyJob) -> None:
    """To be called when a request that waited for a short job is answered with its end."""
    services.broker.answered(RUN_JOB, job.id, SHORT)
