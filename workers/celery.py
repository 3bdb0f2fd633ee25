"""The Celery application of workers and beat, its settings, and a watch over the processes of a worker."""

import os
import secrets
import threading
from dataclasses import replace
from typing import Any

import structlog
from celery import Celery, bootsteps
from celery.signals import (
    after_task_publish,
    beat_init,
    setup_logging,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutting_down,
)
from kombu.entity import Exchange, Queue
from kombu.exceptions import OperationalError

from app.background import TYPES
from app.config import Config
from app.db.opening import require_pooling_by_session
from app.errors import ConfigError
from app.operations.schema_version import require_current_schema
from app.queueing.broker import (
    BEGIN_CANARY,
    KEEP_AGES,
    QUEUES,
    RECORD_HEARTBEAT,
    RUN_CANARY,
    SHORT,
    SWEEP,
    TAKE_FROM_DEAD,
    UPKEEP,
)
from app.queueing.redis_url import read_redis_url
from app.services import START, Services, holders_of, open_services, worker_name
from app.startup import end_of_imports
from app.telemetry import metrics, multiprocess_metrics, tracing
from app.telemetry.log_lines import configure_logs
from app.work.ending import hand_back, unwritten
from app.work.lease import renewer
from app.work.watcher import watchdog
from app.worker_heartbeat import WorkerHeartbeat, own_id
from workers import redis_transport
from workers.broker_watch import BrokerWatch, DirectWork
from workers.dead_processes import LOOK_EVERY, DeadProcesses
from workers.schedule import schedule
from workers.tasks import stop_pushing

PERIODIC_WITHIN = 900  # seconds
SOFT_SHUTDOWN = 10.0  # seconds that a stopping worker gives its jobs to finish before it hands them back
WORKER = worker_name(os.getpid(), os.environ.get(START) or secrets.token_hex(4))  # of the parent; its forks inherit it
_services: Services | None = None
_heartbeat: WorkerHeartbeat | None = None
_watch: BrokerWatch | None = None

log = structlog.get_logger()


try:
    config = Config.from_env()
except ConfigError as error:
    raise SystemExit(f"crashq: {error.message}") from None  # one sentence, not a stack trace


redis_transport.register()
server = read_redis_url(config.redis_url or "")
celery = Celery(
    "crashq",
    broker=redis_transport.broker_url(server),
    amqp=redis_transport.PatientAMQP,
    include=["workers.instrumented_task"],
)
celery.conf.update(
    broker_transport_options={
        "server": server,
        "global_keyprefix": config.redis_prefix,
        "socket_timeout": 5,  # seconds; above the transport's blocking pop of 1 s
        "socket_connect_timeout": 2,  # seconds
        "socket_keepalive": True,
    },
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # Redis may be away for any time: the worker waits for it
    task_ignore_result=True,  # the jobs table is the truth; there is no result backend
    task_store_errors_even_if_ignored=False,
    # A message only wakes a worker: once taken it is gone, and its work returns by its row. An acknowledgement would
    # only add what can fail: while one has not reached Redis, the message counts as in hand and its worker takes no other.
    task_queues=[Queue(name, Exchange(name), routing_key=name, no_ack=True) for name in QUEUES],
    task_serializer="json",
    accept_content=["json"],
    worker_prefetch_multiplier=1,
    worker_disable_prefetch=True,  # a long job never holds short ones behind it
    worker_max_tasks_per_child=20_000,  # some minutes of short jobs: a new process has its statements to put together anew
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    worker_send_task_events=False,
    worker_enable_remote_control=False,  # nothing of ours uses it, and its reply keys pile up in Redis
    # Leased work has budgets that grow with its input (app/work/limits.py), so Celery must not cut it. These tasks are none,
    # take seconds, and come again: a process in which one hangs is ended in the last resort.
    task_annotations={
        name: {"time_limit": PERIODIC_WITHIN} for name in (SWEEP, KEEP_AGES, RECORD_HEARTBEAT, BEGIN_CANARY, RUN_CANARY)
    },
    task_default_queue=SHORT,
    beat_schedule=schedule(config),
    beat_scheduler="celery.beat:Scheduler",  # keeps no file: every entry may run late, early or twice
    timezone="UTC",
)


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


@setup_logging.connect
def _log_like_the_web(**_: Any) -> None:
    configure_logs(config.log_format)


@worker_init.connect
def _count_with_the_others(**_: Any) -> None:
    _count_as("worker")


@beat_init.connect
def _count_as_beat(**_: Any) -> None:
    _count_as("beat")
    after_task_publish.connect(_count_sent)


def _count_sent(sender: str, **_: Any) -> None:
    metrics.beat_sent.add(sender)


def _count_as(part: str) -> None:
    configure_logs(config.log_format)  # Celery asks for it later than this
    end_of_imports()
    if config.metrics_dir:
        multiprocess_metrics.count_in(config.metrics_dir, part)
    if config.metrics_port:
        multiprocess_metrics.show_at(config.metrics_port)


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
