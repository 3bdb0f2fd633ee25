"""Up or down, ready or not, and the figures to watch."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Literal, NamedTuple

from flask import Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.core import GaugeMetricFamily
from pydantic import Field

from app.db.models.heartbeat import WORKER, last_seen
from app.db.queries.waiting import backlog, oldest_waiting
from app.errors import AppError, TransientError
from app.identity.access import Access
from app.json_models import ResponseBody
from app.queueing.broker import LONG, SHORT
from app.services import Services
from app.storage import PROBE
from app.telemetry import canary
from app.telemetry.canary import SUCCEEDED
from app.telemetry.multiprocess_metrics import exposition
from app.web.api import tags
from app.web.api.openapi.words import TEXT, answer
from app.web.api.resource import Resource
from app.web.auth import services

resource = Resource("health", tags.SERVICE, access=Access.OPEN)

WORKER_SILENT_AFTER = timedelta(seconds=45)  # three heartbeats missed
LOOK_EVERY = timedelta(seconds=5)  # at what waits: 75 ms of the database with 200,000 waiting logs
WRITE_EVERY = timedelta(seconds=10)  # to the store, by each process that is asked; whether it is there, each time


class Write(NamedTuple):
    """How the last write to the store went."""

    at: datetime
    worked: bool


class Look(NamedTuple):
    """What was seen of the work that waits."""

    at: datetime
    oldest: dict[str, datetime | None]  # type of work -> since when


class Up(ResponseBody):
    """The process answers."""

    web: Literal["up"] = "up"


_Seconds = Annotated[int | None, Field(ge=0)]


class OldestWaiting(ResponseBody):
    """Seconds by type of work, None where nothing is due."""

    job: _Seconds
    part: _Seconds
    log: _Seconds
    regrouping: _Seconds
    symbols: _Seconds
    erasure: _Seconds
    export_run: _Seconds
    delivery: _Seconds


_WAITING = {**dict.fromkeys(OldestWaiting.model_fields), "log": 0, "job": 3}


class Ready(ResponseBody):
    """All parts are up."""

    database: Literal["up"] = "up"
    broker: Literal["up"] = "up"
    storage: Literal["up"] = "up"
    worker: Literal["up"] = "up"
    canary: str = Field(
        description="How long ago the last one came through: `12 s ago`, `not yet`, `off`", examples=["12 s ago"]
    )
    oldest_waiting: OldestWaiting | None = Field(
        description="Seconds that the oldest due work of each type has waited, null for none; it makes no service unready",
        examples=[_WAITING],
    )


@resource.get("/healthz", "healthz", "The process is up", about="Up", is_open=True)
def healthz() -> Up:
    """The process answers."""
    return Up()


@resource.get("/readyz", "readyz", "Database, broker, storage and a worker are up", about="All up", is_open=True)
def readyz() -> Ready:
    """Every part works, when the canary last came through and how long work waits; else 503 naming what is down and up."""
    parts: dict[str, Callable[[Services], bool]] = {
        "database": _database_works,
        "broker": lambda services: services.broker.check(),
        "storage": _storage_works,
        "worker": _worker_lives,
    }
    states = {name: check(services()) for name, check in parts.items()}
    down, up = ([name for name, works in states.items() if works == wanted] for wanted in (False, True))
    if down:
        raise TransientError(f"Down: {', '.join(down)}" + (f"; up: {', '.join(up)}" if up else ""))
    waiting = _oldest_waiting(services())
    return Ready(canary=canary.last_canary(services()), oldest_waiting=OldestWaiting(**waiting) if waiting else None)


@resource.get(
    "/metrics", "metrics", "Figures in Prometheus' text format", is_open=True,
    responses=answer(TEXT, "Text", media="text/plain"),
)  # fmt: skip
def metrics() -> Response:
    """What this machine's processes have counted, and how things stand in the database, in Prometheus' text format."""
    return Response(exposition(figures(services())), content_type=CONTENT_TYPE_LATEST)


def _oldest_waiting(services: Services) -> dict[str, int | None] | None:
    """Seconds by type of work, None where nothing is due. It is never why a service is not ready: None if unknown."""
    now = services.now()
    look: Look | None = current_app.extensions.get(Look.__name__)
    if look is None or not timedelta(0) <= now - look.at < LOOK_EVERY:
        try:
            with services.db.read() as session:
                look = Look(now, oldest_waiting(session, now))
        except AppError:
            return None
        current_app.extensions[Look.__name__] = look
    return {type_: _whole_seconds(now, since) for type_, since in look.oldest.items()}


def _whole_seconds(now: datetime, since: datetime | None) -> int | None:
    return None if since is None else max(int((now - since).total_seconds()), 0)


def _database_works(services: Services) -> bool:
    try:
        services.db.check()
    except AppError:
        return False
    return True


def _storage_works(services: Services) -> bool:
    try:
        services.storage.check()
    except AppError:
        return False
    return _storage_takes_writes(services)


def _storage_takes_writes(services: Services) -> bool:
    """As it was 10 s ago at most: load balancers ask often, and a write to S3 costs."""
    now = services.now()
    write: Write | None = current_app.extensions.get(Write.__name__)
    if write is None or not timedelta(0) <= now - write.at < WRITE_EVERY:
        try:
            services.storage.put_bytes(PROBE, b"Written by readyz.\n")
            worked = True
        except AppError:
            worked = False
        write = current_app.extensions[Write.__name__] = Write(now, worked)
    return write.worked


def _worker_lives(services: Services) -> bool:
    try:
        with services.db.read() as session:
            seen = last_seen(session, WORKER)
    except AppError:
        return False
    return seen is not None and services.now() - seen < WORKER_SILENT_AFTER


def figures(services: Services) -> list[GaugeMetricFamily]:
    """The gauges, filled in. Raises TransientError."""
    jobs = GaugeMetricFamily("crashq_jobs", "Live and failed jobs in the table", labels=["kind", "state"])
    waiting = GaugeMetricFamily("crashq_queue_waiting", "What waits in a queue", labels=["queue"])
    oldest = GaugeMetricFamily("crashq_queue_oldest_seconds", "How long the oldest of it has waited", labels=["queue"])
    ages = GaugeMetricFamily("crashq_oldest_waiting_seconds", "How long due work has waited", labels=["type"])
    now = services.now()
    with services.db.read() as session:
        found, oldest_due = backlog(session, now), oldest_waiting(session, now)
        worker_seen, canary_seen = last_seen(session, WORKER), last_seen(session, SUCCEEDED)
    for (kind, state), number in sorted(found.jobs.items()):
        jobs.add_metric([kind, state], number)
    for queue in sorted({SHORT, LONG, *found.queues}):
        waits, since = found.queues.get(queue, (0, None))
        waiting.add_metric([queue], waits)
        oldest.add_metric([queue], _seconds(now, since) if since else 0)
    for type_, since in oldest_due.items():
        ages.add_metric([type_], _seconds(now, since) if since else 0)
    families = [jobs, waiting, oldest, ages]
    families.append(
        GaugeMetricFamily(
            "crashq_worker_silent_seconds", "Time since a worker last proved alive", _seconds(now, worker_seen)
        )
    )
    if services.config.canary_every:
        what = "Time since a canary last came to its end"
        families.append(GaugeMetricFamily("crashq_canary_age_seconds", what, _seconds(now, canary_seen)))
    return families


def _seconds(now: datetime, since: datetime | None) -> float:
    return max((now - since).total_seconds(), 0) if since else float("inf")
