"""The tasks: each safe to deliver twice, late or never, for the database knows what is to be done."""

from app import canary
from app.broker import (
    BEGIN_CANARY,
    DIGEST_LOG,
    KEEP_AGES,
    MAKE_SYMBOLS,
    PULSE,
    PUSH,
    REGROUP,
    RUN_CANARY,
    RUN_ERASURE,
    RUN_EXPORTS,
    RUN_JOB,
    RUN_PART,
    SWEEP,
)
from app.db import pulse
from app.ingest.digest import digest
from app.ingest.regrouping import regroup_app
from app.jobs import parts, running
from app.jobs.exporters.runs import run_exports
from app.jobs.sweep import sweep
from app.privacy import erasing
from app.privacy.retention import remove_what_is_old
from app.symbolication.making import make_symbols
from workers.celery import courier, services
from workers.hearing import hears, queue_of_ring


@hears(RUN_JOB)
def run_job(job_id: str) -> None:
    """Make attempts at queued jobs."""
    running.run(services(), job_id, queue_of_ring())


@hears(RUN_PART)
def run_part(_job_id: str) -> None:
    """Make one attempt at the part that is next in turn."""
    parts.run_part(services())


@hears(DIGEST_LOG)
def digest_log(row_id: str) -> None:
    """Digest one received log."""
    digest(services(), int(row_id))


@hears(REGROUP)
def regroup(row_id: str) -> None:
    """Go on with a regrouping for some seconds."""
    regroup_app(services(), int(row_id))


@hears(MAKE_SYMBOLS)
def make_caches(row_id: str) -> None:
    """Look into one received file of symbols."""
    make_symbols(services(), int(row_id))


@hears(RUN_ERASURE)
def run_erasure(erasure_id: str) -> None:
    """Work at an erasure for a while."""
    erasing.run_erasure(services(), erasure_id)


@hears(KEEP_AGES)
def keep_ages() -> None:
    """Remove what is older than its app keeps it."""
    remove_what_is_old(services())


@hears(SWEEP)
def sweep_all() -> None:
    """Ring again, take over from dead workers, clear what has expired."""
    sweep(services())


@hears(PULSE)
def show_pulse() -> None:
    """Record that a message came from beat through the broker to a worker that reaches the database."""
    with services().db.write() as session:
        pulse.beat(session, pulse.WORKER, services().now())


@hears(PUSH)
def push(_row_id: str) -> None:
    """Deliver to webhooks what is due, beside this process's other work."""
    courier().ring()


@hears(RUN_EXPORTS)
def run_data_exporters() -> None:
    """Schedule what data exporters are due, and bring each run a step further."""
    run_exports(services())


@hears(BEGIN_CANARY)
def begin_canary() -> None:
    """Let a canary out."""
    canary.begin_canary(services())


@hears(RUN_CANARY)
def run_canary(identifier: str) -> None:
    """See that it comes through."""
    canary.run_canary(services(), identifier)
