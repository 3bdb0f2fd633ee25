"""Enqueues task messages: a task's name and one id, sent to Redis. Only this knows Celery in the app."""

import base64
import json
import secrets
import threading
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

import structlog
from celery import Celery
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from app.queueing.redis_url import read_redis_url
from app.telemetry import metrics, tracing
from app.telemetry.log_lines import current_request_id

ROW, ID, REQUEST, TRACE = "@row@", "@id@", "@request@", "@trace@"  # what is filled in
REQUEST_HEADER, TRACE_HEADER = "crashq_request", "traceparent"
"""Headers that say on whose behalf a message was sent: the id of a request, and its trace as W3C writes it."""
_templates: dict[tuple[str, str], tuple[str, str]] = {}
_making = threading.Lock()
RUN_JOB, RUN_PART, DIGEST_LOG, REGROUP = "run_job", "run_part", "digest_log", "regroup"
MAKE_SYMBOLS = "make_symbols"
BEGIN_CANARY, RUN_CANARY = "begin_canary", "run_canary"
TAKE_FROM_DEAD = "take_from_dead"
RENEW_FIGURES = "renew_figures"
FOLD_SESSIONS = "fold_sessions"
REMOVE_APP = "remove_app"
EVALUATE_RULES = "evaluate_rules"
SWEEP, RECORD_HEARTBEAT, RUN_ERASURE, KEEP_AGES, PUSH, RUN_EXPORTS = (
    "sweep",
    "pulse",  # the name by which the previous release knows the task
    "run_erasure",
    "keep_ages",
    "push",
    "run_exports",
)

INGEST, SHORT, LONG, UPKEEP = "ingest", "short", "long", "upkeep"
PARTS = "parts"
"""The queue in the row of a job that is being made in parts. No message goes there: those of its parts go to LONG."""

QUEUES = (INGEST, SHORT, LONG, UPKEEP)
"""Size classes: what is quick never stands behind what is not."""
PROBE, PROBE_LIFETIME = "probe", 10  # key that a check writes, below the prefix; seconds
PUBLISH_TIMEOUT = 0.4  # seconds; an answer has to be out within a second although Redis is away
COOL_DOWN = 2.0  # seconds without a try after a failed one; the sweep enqueues what was missed

log = structlog.get_logger()


def message(task: str, row_id: str, queue: str, request: str | None = None, trace: str | None = None) -> str:
    """What Celery's `send_task(task, args=[row_id], queue=queue, headers=…)` would put into Redis, without its work for each."""
    envelope, body = _template(task, queue)
    text = base64.b64encode(body.replace(json.dumps(ROW), json.dumps(row_id)).encode()).decode()
    filled = envelope.replace(json.dumps(REQUEST), json.dumps(request)).replace(json.dumps(TRACE), json.dumps(trace))
    return filled.replace(ROW, text).replace(ID, secrets.token_hex(16))


def _template(task: str, queue: str) -> tuple[str, str]:
    """(the message as JSON with ROW for its body and ID for its ids, its body as JSON with ROW for the row's id)."""
    if (task, queue) not in _templates:
        with _making:
            if (task, queue) not in _templates:
                _templates[task, queue] = _make(task, queue)
    return _templates[task, queue]


def _make(task: str, queue: str) -> tuple[str, str]:
    """Let Celery send the task within this process and take the message back.

    kombu keeps the queues of memory:// once per process, whatever the connection. So the message goes through a queue
    of this task alone, and `_making` lets one thread at a time put a message there and take it.
    """
    own_queue = f"template of {task} for {queue}"
    with Celery(broker="memory://", set_as_current=False).connection_for_write() as connection:
        sender = Celery(broker="memory://", set_as_current=False)
        sender.send_task(
            task,
            args=[ROW],
            queue=own_queue,
            task_id=ID,
            connection=connection,
            ignore_result=True,
            retry=False,
            headers={REQUEST_HEADER: REQUEST, TRACE_HEADER: TRACE},
        )
        made = connection.default_channel.basic_get(own_queue, no_ack=True).serializable()
    body = base64.b64decode(made["body"]).decode()
    made["body"] = ROW
    made["headers"]["argsrepr"] = "()"  # for people who look on; the id is in the body
    made["properties"] |= {"delivery_tag": ID, "reply_to": ID}
    return json.dumps(made).replace(json.dumps(own_queue), json.dumps(queue)), body


class PendingMessage(NamedTuple):
    """A task message that is to be sent: for which row, and on behalf of which request."""

    row_id: str
    request: str | None
    trace: str | None


def message_for(row_id: str) -> PendingMessage:
    """The message for a row, on behalf of the request that is being served or worked for."""
    return PendingMessage(row_id, current_request_id(), tracing.now.carried())


class Broker(Protocol):
    """Where task messages are enqueued for workers."""

    def enqueue(self, task: str, row_id: str, queue: str, /) -> bool:
        """Send the task message of a committed row; never raises. False: it was not sent, and the sweep will enqueue it."""

    def enqueue_debounced(self, task: str, row_id: str, queue: str, /) -> None:
        """Enqueue a task that looks for more rows by itself: messages close upon each other may become one."""

    def answered(self, task: str, row_id: str, queue: str, /) -> None:
        """Note that a row is done: if its message was the last debounced one of the queue, the next is sent at once."""

    def check(self) -> bool:
        """True when the broker takes messages."""


class RedisBroker:
    """Pushes Celery messages to Redis, with a circuit breaker so that a dead Redis costs one time-out, not all."""

    def __init__(self, url: str, prefix: str = "crashq:") -> None:
        self._prefix = prefix
        pool = read_redis_url(url).pool(
            socket_timeout=PUBLISH_TIMEOUT, socket_connect_timeout=PUBLISH_TIMEOUT, retry=Retry(NoBackoff(), 0)
        )
        self.pool = pool
        self._redis = Redis(connection_pool=pool)
        self._silent_until = 0.0
        self._lock = threading.Lock()

    def enqueue_debounced(self, task: str, row_id: str, queue: str, /) -> None:
        """Send the message."""
        self.enqueue(task, row_id, queue)

    def answered(self, _task: str, _row_id: str, _queue: str, /) -> None:
        """Do nothing: no message waits."""

    def enqueue(self, task: str, row_id: str, queue: str, /) -> bool:
        """Send the message unless Redis was away within COOL_DOWN."""
        return self.send(task, message_for(row_id), queue, self._redis.lpush)

    def send(self, task: str, pending: PendingMessage, queue: str, push: Callable[[str, str], object]) -> bool:
        """Send a message by `push`, unless Redis was away within COOL_DOWN."""
        if time.monotonic() < self._silent_until:
            metrics.task_messages.add(queue, "lost")
            return False
        try:
            push(f"{self._prefix}{queue}", message(task, pending.row_id, queue, pending.request, pending.trace))
        except (RedisError, OSError) as error:
            with self._lock:
                self._silent_until = time.monotonic() + COOL_DOWN
            metrics.task_messages.add(queue, "lost")
            log.warning("broker_away", task=task, row=pending.row_id, error=type(error).__name__)
            return False
        metrics.task_messages.add(queue, "sent")
        return True

    def check(self) -> bool:
        """Write a key that expires soon. Redis answers a PING also when it is full or a replica, and takes no message."""
        try:
            self._redis.set(f"{self._prefix}{PROBE}", "", ex=PROBE_LIFETIME)
        except (RedisError, OSError):
            return False
        return True


class NoBroker:
    """For commands beside a service that is not running: rows wait for its sweep."""

    def enqueue_debounced(self, _task: str, _row_id: str, _queue: str, /) -> None:
        """Send nothing."""

    def answered(self, _task: str, _row_id: str, _queue: str, /) -> None:
        """Do nothing: no message waits."""

    def enqueue(self, _task: str, _row_id: str, _queue: str, /) -> bool:
        """Send nothing."""
        return False

    def check(self) -> bool:
        """There is none."""
        return False


class MemoryBroker:
    """Keeps the task messages in a list, for tests that drain them by hand."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []

    def enqueue(self, task: str, row_id: str, _queue: str, /) -> bool:
        """Append to `messages`."""
        self.messages.append((task, row_id))
        return True

    def enqueue_debounced(self, task: str, row_id: str, queue: str, /) -> None:
        """Append each to `messages`."""
        self.enqueue(task, row_id, queue)

    def answered(self, _task: str, _row_id: str, _queue: str, /) -> None:
        """Do nothing: no message waits."""

    def check(self) -> bool:
        """Always there."""
        return True
