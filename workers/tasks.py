"""The tasks: each safe to deliver twice, late or never, for the database knows what is to be done."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import structlog

from app.broker import (
    DIGEST_LOG,
    KEEP_AGES,
    MAKE_SYMBOLS,
    PULSE,
    PUSH,
    REGROUP,
    RUN_ERASURE,
    RUN_EXPORTS,
    RUN_JOB,
    RUN_PART,
    SWEEP,
)
from app.db import pulse
from app.errors import TransientError
from app.ingest.digest import digest
from app.ingest.regrouping import regroup_app
from app.jobs import parts, running
from app.jobs.exporters.runs import run_exports
from app.jobs.sweep import sweep
from app.privacy import erasing
from app.privacy.retention import remove_what_is_old
from app.symbolication.making import make_symbols
from workers.celery import celery, courier, services

P = ParamSpec("P")

log = structlog.get_logger()


def rung_again_after_trouble(work: Callable[P, None]) -> Callable[P, None]:
    """What an unreachable database keeps a task from doing stays due in its rows: one line tells of it, no stack trace."""

    @wraps(work)
    def task(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            work(*args, **kwargs)
        except TransientError as error:
            log.warning("task_put_off", task=work.__name__, reason=error.message)

    return task


@celery.task(name=RUN_JOB)
@rung_again_after_trouble
def run_job(job_id: str) -> None:
    """Make attempts at queued jobs."""
    running.run(services(), job_id, (run_job.request.delivery_info or {}).get("routing_key"))


@celery.task(name=RUN_PART)
@rung_again_after_trouble
def run_part(_job_id: str) -> None:
    """Make one attempt at the part that is next in turn."""
    parts.run_part(services())


@celery.task(name=DIGEST_LOG)
@rung_again_after_trouble
def digest_log(row_id: str) -> None:
    """Digest one received log."""
    digest(services(), int(row_id))


@celery.task(name=REGROUP)
@rung_again_after_trouble
def regroup(row_id: str) -> None:
    """Go on with a regrouping for some seconds."""
    regroup_app(services(), int(row_id))


@celery.task(name=MAKE_SYMBOLS)
@rung_again_after_trouble
def make_caches(row_id: str) -> None:
    """Look into one received file of symbols."""
    make_symbols(services(), int(row_id))


@celery.task(name=RUN_ERASURE)
@rung_again_after_trouble
def run_erasure(erasure_id: str) -> None:
    """Work at an erasure for a while."""
    erasing.run_erasure(services(), erasure_id)


@celery.task(name=KEEP_AGES)
@rung_again_after_trouble
def keep_ages() -> None:
    """Remove what is older than its app keeps it."""
    remove_what_is_old(services())


@celery.task(name=SWEEP)
@rung_again_after_trouble
def sweep_all() -> None:
    """Ring again, take over from dead workers, clear what has expired."""
    sweep(services())


@celery.task(name=PULSE)
@rung_again_after_trouble
def show_pulse() -> None:
    """Record that a message came from beat through the broker to a worker that reaches the database."""
    with services().db.write() as session:
        pulse.beat(session, pulse.WORKER, services().now())


@celery.task(name=PUSH)
def push(_row_id: str) -> None:
    """Deliver to webhooks what is due, beside this process's other work."""
    courier().ring()


@celery.task(name=RUN_EXPORTS)
@rung_again_after_trouble
def run_data_exporters() -> None:
    """Schedule what data exporters are due, and bring each run a step further."""
    run_exports(services())
