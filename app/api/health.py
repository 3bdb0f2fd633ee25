"""Up or down, ready or not, and the figures to watch."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from flask import Blueprint, Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST

from app import canary
from app.api import answers
from app.api.context import services
from app.api.figures import figures
from app.counting import exposition
from app.db.oldest_waiting import oldest_waiting
from app.db.pulse import WORKER, last_seen
from app.errors import AppError, TransientError
from app.services import Services
from app.storage import PROBE

blueprint = Blueprint("health", __name__)

WORKER_SILENT_AFTER = timedelta(seconds=45)  # three pulses missed
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


@blueprint.get("/healthz")
def healthz() -> Response:
    """The process answers."""
    return answers.success({"web": "up"})


@blueprint.get("/readyz")
def readyz() -> Response:
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
    told = {"canary": canary.told(services()), "oldest_waiting": _oldest_waiting(services())}
    return answers.success({**dict.fromkeys(states, "up"), **told})


@blueprint.get("/metrics")
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
            pulse = last_seen(session, WORKER)
    except AppError:
        return False
    return pulse is not None and services.now() - pulse < WORKER_SILENT_AFTER
