"""The tasks: each safe to deliver twice, late or never, for the database knows what is to be done."""

from collections.abc import Callable
from typing import NamedTuple

from app.background import TYPES
from app.db.models import heartbeat
from app.ingest.digest import digest
from app.ingest.regrouping import regroup_app
from app.jobs import parts, running
from app.jobs.exporter_runs import run_exports
from app.privacy import erasing
from app.privacy.retention import remove_what_is_old
from app.queueing.broker import (
    BEGIN_CANARY,
    DIGEST_LOG,
    KEEP_AGES,
    MAKE_SYMBOLS,
    PUSH,
    RECORD_HEARTBEAT,
    REGROUP,
    RUN_CANARY,
    RUN_ERASURE,
    RUN_EXPORTS,
    RUN_JOB,
    RUN_PART,
    SWEEP,
    TAKE_FROM_DEAD,
)
from app.services import Services
from app.sweep import sweep
from app.symbolication.making import make_symbols
from app.telemetry import canary
from app.webhooks.deliveries import DeliveryPool
from app.work.ending import take_from_dead


class TaskMessage(NamedTuple):
    """What a task is called with."""

    row_id: str = ""  # empty: the task finds by itself what is due
    queue: str | None = None  # where the message stood


Task = Callable[[Services, TaskMessage], None]

TASKS: dict[str, Task] = {}  # by name; what Celery runs, and what a worker runs by itself while Redis is away
_delivery_pools: list[DeliveryPool] = []  # this process's one, when there is one


def task(name: str) -> Callable[[Task], Task]:
    """Make a function the task of this name."""

    def register(work: Task) -> Task:
        TASKS[name] = work
        return work

    return register


@task(RUN_JOB)
def run_job(services: Services, message: TaskMessage) -> None:
    """Make attempts at queued jobs."""
    running.run(services, message.row_id, message.queue)


@task(RUN_PART)
def run_part(services: Services, _message: TaskMessage) -> None:
    """Make one attempt at the part that is next in turn."""
    parts.run_part(services)


@task(DIGEST_LOG)
def digest_log(services: Services, message: TaskMessage) -> None:
    """Digest one received log."""
    digest(services, int(message.row_id))


@task(REGROUP)
def regroup(services: Services, message: TaskMessage) -> None:
    """Go on with a regrouping for some seconds."""
    regroup_app(services, int(message.row_id))


@task(MAKE_SYMBOLS)
def make_caches(services: Services, message: TaskMessage) -> None:
    """Look into one received file of symbols."""
    make_symbols(services, int(message.row_id))


@task(RUN_ERASURE)
def run_erasure(services: Services, message: TaskMessage) -> None:
    """Work at an erasure for a while."""
    erasing.run_erasure(services, message.row_id)


@task(KEEP_AGES)
def keep_ages(services: Services, _message: TaskMessage) -> None:
    """Remove what is older than its app keeps it."""
    remove_what_is_old(services)


@task(SWEEP)
def sweep_all(services: Services, _message: TaskMessage) -> None:
    """Enqueue again, take over from dead workers, clear what has expired."""
    sweep(services)


@task(TAKE_FROM_DEAD)
def take_from_dead_process(services: Services, message: TaskMessage) -> None:
    """Free the rows of a process that has died. The message names what its claims' names begin with, not a row."""
    if message.row_id:
        take_from_dead(services, TYPES.values(), message.row_id)


@task(RECORD_HEARTBEAT)
def record_heartbeat(services: Services, _message: TaskMessage) -> None:
    """Record that a worker reaches the database; while Redis takes messages, also that they come from beat through it."""
    with services.db.write() as session:
        heartbeat.record(session, heartbeat.WORKER, services.now())


@task(PUSH)
def push(services: Services, _message: TaskMessage) -> None:
    """Deliver to webhooks what is due, beside this process's other work."""
    if not _delivery_pools:
        _delivery_pools.append(DeliveryPool(services))
    _delivery_pools[0].wake()


def stop_pushing() -> None:
    """Begin no further delivery in this process, and wait for those under way."""
    for pool in _delivery_pools:
        pool.stop()


@task(RUN_EXPORTS)
def run_data_exporters(services: Services, _message: TaskMessage) -> None:
    """Schedule what data exporters are due, and bring each run a step further."""
    run_exports(services)


@task(BEGIN_CANARY)
def begin_canary(services: Services, _message: TaskMessage) -> None:
    """Let a canary out."""
    canary.begin_canary(services)


@task(RUN_CANARY)
def run_canary(services: Services, message: TaskMessage) -> None:
    """See that it comes through."""
    canary.run_canary(services, message.row_id)
