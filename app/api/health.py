"""Up or down, ready or not, and the figures to watch."""

from collections.abc import Callable
from datetime import timedelta

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from app.api import answers
from app.api.context import services
from app.db.backlog import backlog
from app.db.pulse import WORKER, last_seen
from app.errors import AppError, TransientError
from app.services import Services

blueprint = Blueprint("health", __name__)

WORKER_SILENT_AFTER = timedelta(seconds=45)  # three pulses missed


@blueprint.get("/healthz")
def healthz() -> Response:
    """The process answers."""
    return answers.success({"web": "up"})


@blueprint.get("/readyz")
def readyz() -> Response:
    """Every part works, else 503 naming those that do not."""
    parts: dict[str, Callable[[Services], bool]] = {
        "database": _database_works,
        "broker": lambda services: services.broker.check(),
        "storage": _storage_works,
        "worker": _worker_lives,
    }
    states = {name: check(services()) for name, check in parts.items()}
    down = [name for name, works in states.items() if not works]
    if down:
        raise TransientError(f"Down: {', '.join(down)}")
    return answers.success(dict.fromkeys(states, "up"))


@blueprint.get("/metrics")
def metrics() -> Response:
    """Jobs and logs as the database knows them, in Prometheus' text format."""
    registry = CollectorRegistry()
    jobs = Gauge("crashq_jobs", "Live and failed jobs in the table", ["kind", "state"], registry=registry)
    waiting = Gauge("crashq_logs_waiting", "Logs received and not yet digested", registry=registry)
    oldest_job = Gauge("crashq_oldest_queued_job_seconds", "Age of the job queued longest", registry=registry)
    oldest_log = Gauge("crashq_oldest_waiting_log_seconds", "Age of the log waiting longest", registry=registry)
    silent = Gauge("crashq_worker_silent_seconds", "Time since a worker last proved alive", registry=registry)
    now = services().now()
    with services().db.read() as session:
        found = backlog(session)
        pulse = last_seen(session, WORKER)
    for (kind, state), number in found.jobs.items():
        jobs.labels(kind, state).set(number)
    waiting.set(found.logs_waiting)
    oldest_job.set((now - found.oldest_queued_job).total_seconds() if found.oldest_queued_job else 0)
    oldest_log.set((now - found.oldest_waiting_log).total_seconds() if found.oldest_waiting_log else 0)
    silent.set((now - pulse).total_seconds() if pulse else float("inf"))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


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
    return True


def _worker_lives(services: Services) -> bool:
    try:
        with services.db.read() as session:
            pulse = last_seen(session, WORKER)
    except AppError:
        return False
    return pulse is not None and services.now() - pulse < WORKER_SILENT_AFTER
