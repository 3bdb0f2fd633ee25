"""kombu's Redis transport, made to outlive what Redis refuses for a while and messages that cannot be read."""

from queue import Empty
from typing import Any

import structlog
from celery import current_app
from celery.app.amqp import AMQP
from kombu.connection import Connection
from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as kombu_redis
from redis import ConnectionPool, UnixDomainSocketConnection
from redis.exceptions import RedisError, ResponseError

from app.queueing.broker import PROBE, PROBE_LIFETIME
from app.queueing.redis_url import RedisServer
from app.telemetry import metrics

RECONNECT_AT_MOST_EVERY = 5.0  # seconds; kombu's own limit of 30 s leaves a worker without messages for long

FROM_URL = frozenset({"host", "port", "username", "password", "db"})  # options that the server tells by itself
ONLY_TCP = frozenset({"socket_keepalive", "socket_keepalive_options"})

log = structlog.get_logger()


class UnknownTask(Exception):
    """A message for a task that this release does not have."""


class Channel(kombu_redis.Channel):
    """Connects to the server of REDIS_URL, which comes as a transport option.

    Drops a message that cannot be read: its task is enqueued again by the row, if there is one.
    """

    from_transport_options = (*kombu_redis.Channel.from_transport_options, "server")  # type: ignore[assignment]
    server: RedisServer

    def _get_pool(self, asynchronous: bool = False) -> ConnectionPool:
        used = self.server.connection_class
        self.connection_class = used  # type: ignore[assignment]  # kombu makes one of it that its event loop watches
        options = self._connparams(asynchronous=asynchronous)
        unknown = FROM_URL | ONLY_TCP if issubclass(used, UnixDomainSocketConnection) else FROM_URL
        self.keyprefix_fanout = self.keyprefix_fanout.format(db=self.server.options["db"])
        return self.server.pool(**{name: value for name, value in options.items() if name not in unknown})

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)
        except (RedisError, OSError, Empty, MemoryError):
            raise
        except Exception as error:  # whatever stands in a list of Redis, reading it must not end the worker
            metrics.task_messages_dropped.add()
            log.error("task_message_dropped", error=type(error).__name__)
            return True


class Transport(kombu_redis.Transport):
    """Takes every error that Redis answers for a lost connection, after which Celery connects again with back-off.

    READONLY and UNBLOCKED (failover), LOADING, MASTERDOWN, OOM, NOAUTH: all of them pass, and Celery would exit.
    """

    Channel = Channel
    connection_errors = (*kombu_redis.Transport.connection_errors, ResponseError)

    def establish_connection(self) -> Any:
        """Connect and write a probe.

        Without it a Redis that refuses writes is found out only when queues are declared, which is outside Celery's
        back-off: the worker would reconnect without a pause.
        """
        connection = super().establish_connection()
        try:
            with self._avail_channels[-1].conn_or_acquire() as client:
                client.set(PROBE, "", ex=PROBE_LIFETIME)
        except BaseException:
            self.close_connection(connection)
            raise
        return connection

    def _deliver(self, message: dict[str, Any], queue: str) -> None:
        if message["headers"]["task"] not in current_app.tasks:
            raise UnknownTask
        super()._deliver(message, queue)


def broker_url(server: RedisServer) -> str:
    """What Celery is given as its broker and shows in its logs. The connections are made by the transport option `server`:
    kombu knows fewer forms and options than REDIS_URL has, and spells some otherwise."""
    return f"redis://{server.address}"


class PatientConnection(Connection):
    """A connection of kombu that is tried again every few seconds, for as long as it takes."""

    def ensure_connection(self, *args: Any, **options: Any) -> Any:
        """Connect, or wait for the broker; returns the connection."""
        return super().ensure_connection(*args, **{"interval_max": RECONNECT_AT_MOST_EVERY, **options})


class PatientAMQP(AMQP):  # type: ignore[misc]
    """What a Celery application makes its connections with."""

    Connection = PatientConnection


def register() -> None:
    """Let the URLs redis:// lead to this transport."""
    TRANSPORT_ALIASES["redis"] = f"{__name__}:Transport"
