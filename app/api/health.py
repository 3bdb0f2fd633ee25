"""Up or down, ready or not, and the figures to watch."""

from collections.abc import Callable
from datetime import timedelta

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST

from app import canary
from app.api import answers
from app.api.context import services
from app.api.figures import figures
from app.counting import exposition
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
    """Every part works, and when the canary last came through; else 503 naming the parts that are down and those that are up."""
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
    return answers.success({**dict.fromkeys(states, "up"), "canary": canary.told(services())})


@blueprint.get("/metrics")
def metrics() -> Response:
    """What this machine's processes have counted, and how things stand in the database, in Prometheus' text format."""
    return Response(exposition(figures(services())), content_type=CONTENT_TYPE_LATEST)


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
