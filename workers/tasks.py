"""The tasks: each safe to deliver twice, late or never, for the database knows what is to be done. No error leaves one."""

import time
from collections.abc import Callable
from typing import NamedTuple

import structlog

from app.background import TYPES, app_removals, figures, notification_rules, session_folds
from app.db.models import heartbeat
from app.errors import TransientError, as_outage
from app.ingest.digest import digest
from app.ingest.regrouping import regroup_app
from app.jobs import parts, running
from app.jobs.exporter_runs import run_exports
from app.privacy import erasing
from app.privacy.retention import remove_what_is_old
from app.queueing.broker import (
    BEGIN_CANARY,
    DIGEST_LOG,
    EVALUATE_RULES,
    FOLD_SESSIONS,
    KEEP_AGES,
    MAKE_SYMBOLS,
    PUSH,
    RECORD_HEARTBEAT,
    REGROUP,
    REMOVE_APP,
    RENEW_FIGURES,
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
from app.telemetry import canary, metrics
from app.webhooks.pool import DeliveryPool
from app.work.ending import take_from_dead

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0  # seconds; each pause is twice the one before
_delivery_pools: list[DeliveryPool] = []  # this process's one, when there is one

log = structlog.get_logger()


class OutageBackoff:
    """What one thread of a worker meets. Each task counts for itself, for one may work while another cannot.

    What an unreachable database or store keeps a task from doing stays due in its rows. One line tells of an outage
    when it begins, one when it is over; in between the thread does not ask ten times a second.
    """

    def __init__(self, sleep: Callable[[float], object] = time.sleep) -> None:
        self._sleep = sleep
        self._failed: dict[str, int] = {}  # task -> how often it has failed since it last succeeded

    def perform(self, task: str, work: Callable[[], None]) -> None:
        """Do the work of a task. Returns after a pause of 0.5 to 10 s when a part of the service is away."""
        try:
            work()
        except TransientError as error:
            self._pause(task, error)
        except Exception as error:
            if outage := as_outage(error):
                self._pause(task, outage)
                return
            metrics.task_failures.add(task, "broke")
            log.exception("task_broke", task=task, error=type(error).__name__)
        else:
            times = self._failed.pop(task, 0)
            if times:
                log.info("task_goes_on", task=task, failures=times)

    def _pause(self, task: str, error: TransientError) -> None:
        times = self._failed.get(task, 0)
        self._failed[task] = times + 1
        metrics.task_failures.add(task, "put_off")
        if not times:
            log.warning("task_put_off", task=task, code=error.code)
        self._sleep(min(FIRST_PAUSE * 2 ** min(times, 10), LONGEST_PAUSE))


class TaskMessage(NamedTuple):
    """What a task is called with."""

    row_id: str = ""  # empty: the task finds by itself what is due
    queue: str | None = None  # where the message stood


Task = Callable[[Services, TaskMessage], None]

TASKS: dict[str, Task] = {}  # by name; what Celery runs, and what a worker runs by itself while Redis is away


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
    """Make one attempt at the next part."""
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


@task(RENEW_FIGURES)
def renew_figures(services: Services, message: TaskMessage) -> None:
    """Complete the figures of crashes where they are not complete."""
    figures.renew_figures(services, int(message.row_id) if message.row_id else None)


@task(FOLD_SESSIONS)
def fold_sessions(services: Services, message: TaskMessage) -> None:
    """Add what has arrived of an app's sessions to their figures."""
    session_folds.fold_sessions(services, int(message.row_id))


@task(EVALUATE_RULES)
def evaluate_rules(services: Services, message: TaskMessage) -> None:
    """Evaluate the rules of a channel."""
    notification_rules.evaluate_rules(services, int(message.row_id))


@task(BEGIN_CANARY)
def begin_canary(services: Services, _message: TaskMessage) -> None:
    """Let a canary out."""
    canary.begin_canary(services)


@task(RUN_CANARY)
def run_canary(services: Services, message: TaskMessage) -> None:
    """See that it comes through."""
    canary.run_canary(services, message.row_id)


@task(REMOVE_APP)
def remove_app(services: Services, message: TaskMessage) -> None:
    """Remove some more of what belonged to an app."""
    app_removals.remove_app(services, int(message.row_id))
