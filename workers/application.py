"""The Celery application, for workers and for beat: Redis, queues and what Celery is to leave alone; lines and metrics."""

from typing import Any

from celery import Celery
from celery.signals import setup_logging
from kombu.entity import Exchange, Queue

from app import end_of_imports
from app.config import Config
from app.errors import ConfigError
from app.queueing.broker import BEGIN_CANARY, KEEP_AGES, QUEUES, RECORD_HEARTBEAT, RUN_CANARY, SHORT, SWEEP
from app.queueing.redis_url import read_redis_url
from app.telemetry import multiprocess_metrics
from app.telemetry.log_lines import configure_logs
from workers import redis_transport
from workers.schedule import schedule

PERIODIC_WITHIN = 900  # seconds

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


@setup_logging.connect
def _log_like_the_web(**_: Any) -> None:
    configure_logs(config.log_format)


def begin(part: str) -> None:
    """What a process does first, before it forks: its log lines, and the part whose metrics it counts."""
    configure_logs(config.log_format)  # Celery asks for it later than this
    end_of_imports()
    if config.metrics_dir:
        multiprocess_metrics.count_in(config.metrics_dir, part)
    if config.metrics_port:
        multiprocess_metrics.show_at(config.metrics_port)
