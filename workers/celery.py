"""The Celery application with its tasks, and what a worker does as its processes start and end."""

import os
import secrets
import threading
from dataclasses import replace
from typing import Any

import structlog
from celery import bootsteps
from celery.signals import (
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutting_down,
)
from kombu.exceptions import OperationalError

from app.background import TYPES
from app.db.opening import require_pooling_by_session
from app.errors import ConfigError
from app.operations.schema_version import require_current_schema
from app.queueing.broker import BEGIN_CANARY, RECORD_HEARTBEAT, TAKE_FROM_DEAD, UPKEEP
from app.services import START, Services, holders_of, open_services, worker_name
from app.telemetry import tracing
from app.work.ending import hand_back, unwritten
from app.work.lease import renewer
from app.work.watcher import watchdog
from app.worker_heartbeat import WorkerHeartbeat, own_id
from workers.application import begin, celery, config
from workers.broker_watch import BrokerWatch, DirectWork
from workers.dead_processes import LOOK_EVERY, DeadProcesses
from workers.schedule import schedule
from workers.tasks import stop_pushing

SOFT_SHUTDOWN = 10.0  # seconds that a stopping worker gives its jobs to finish before it hands them back
WORKER = worker_name(os.getpid(), os.environ.get(START) or secrets.token_hex(4))  # of the parent; its forks inherit it
_services: Services | None = None
_heartbeat: WorkerHeartbeat | None = None
_watch: BrokerWatch | None = None

__all__ = ["celery"]
celery.conf.include = ["workers.instrumented_task"]
log = structlog.get_logger()


class ReportDeaths(bootsteps.StartStopStep):  # type: ignore[misc]
    """Runs in the worker's parent, which must not open the database: the processes that it forks would share connections.

    So another process frees the rows. Without Redis nobody does, and the leases run out.
    """

    requires = ("celery.worker.components:Pool", "celery.worker.components:Timer")
    _timer: Any = None

    def start(self, parent: Any) -> None:
        """Begin to look, from the worker's event loop."""
        dead = DeadProcesses(parent.pool.info["processes"])
        self._timer = parent.timer.call_repeatedly(LOOK_EVERY, _look, (parent, dead))

    def stop(self, parent: Any) -> None:  # noqa: ARG002
        """Look no more: processes that end from now on were told to."""
        if self._timer is not None:
            self._timer.cancel()

    terminate = stop


def _look(parent: Any, dead: DeadProcesses) -> None:
    for pid in dead.look(parent.pool.info["processes"]):
        _report_death(pid)


def _report_death(pid: int) -> None:
    message = {"args": [holders_of(WORKER, pid)], "queue": UPKEEP}
    try:
        celery.send_task(TAKE_FROM_DEAD, **message, expires=config.job_lease, retry=False)
    except OperationalError:
        log.warning("death_not_reported", pid=pid)


celery.steps["worker"].add(ReportDeaths)


def services() -> Services:
    """This process's services, opened when a worker process starts."""
    global _services
    if _services is None:
        _services = open_services(config, WORKER)
    return _services


def _begin_threads() -> None:
    """Write this process's heartbeat, so that its services tell how many processes there are, and watch the broker."""
    global _services, _heartbeat, _watch
    _heartbeat = WorkerHeartbeat(services().db, services().now, own_id())
    _services = replace(services(), processes=_heartbeat.processes)
    _watch = BrokerWatch(_services.broker, _heartbeat.leads, DirectWork(_services, schedule(config)))
    _heartbeat.start()
    _watch.start()


@worker_init.connect
def _count_with_the_others(**_: Any) -> None:
    begin("worker")


@worker_init.connect
def _refuse_the_database(**_: Any) -> None:
    try:
        require_pooling_by_session(config.database_url)
        require_current_schema(config.database_url)
    except ConfigError as error:
        raise SystemExit(f"crashq: {error.message}") from None


@worker_process_init.connect
def _open_after_the_fork(**_: Any) -> None:
    tracing.start(config.tracing, "worker")
    services()
    renewer.watch(unwritten)
    watchdog.start(config.job_lease)
    _begin_threads()


@worker_shutting_down.connect
def _hand_back_in_time(**_: Any) -> None:
    """The worker was asked to stop: what its processes still hold after a while goes to another one at once."""
    timer = threading.Timer(SOFT_SHUTDOWN, _hand_back)
    timer.daemon = True
    timer.start()


def _hand_back() -> None:
    for work in TYPES.values():
        hand_back(services(), work)


@worker_process_shutdown.connect
def _close(**_: Any) -> None:
    if _watch is not None and not _watch.stop(SOFT_SHUTDOWN):
        _hand_back()
    stop_pushing()
    if _heartbeat is not None:
        _heartbeat.stop()
    if _services is not None:
        _services.close()
    tracing.now.stop()


@worker_ready.connect
def _ask_for_first_signs_of_life(**_: Any) -> None:
    celery.send_task(RECORD_HEARTBEAT, queue=UPKEEP)
    if config.canary_every:
        celery.send_task(BEGIN_CANARY, queue=UPKEEP)
