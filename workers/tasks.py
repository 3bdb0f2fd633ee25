"""The tasks: each safe to deliver twice, late or never, for the database knows what is to be done."""

from app.broker import DIGEST_LOG, PULSE, RUN_JOB, SWEEP
from app.db import pulse
from app.ingest.digest import digest
from app.jobs import running
from app.jobs.sweep import sweep
from workers.celery import celery, services


@celery.task(name=RUN_JOB)
def run_job(job_id: str) -> None:
    """Make one attempt at a queued job."""
    running.run(services(), job_id)


@celery.task(name=DIGEST_LOG)
def digest_log(row_id: str) -> None:
    """Digest one received log."""
    digest(services(), int(row_id))


@celery.task(name=SWEEP)
def sweep_all() -> None:
    """Ring again, take over from dead workers, clear what has expired."""
    sweep(services())


@celery.task(name=PULSE)
def show_pulse() -> None:
    """Record that a message came from beat through the broker to a worker that reaches the database."""
    with services().db.write() as session:
        pulse.beat(session, pulse.WORKER, services().now())
