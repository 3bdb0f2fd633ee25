"""A canary: a tiny piece of work that goes the whole way of a job, so that somebody notices before a user does.

Beat's message has a row written by one task, which enqueues another as the web does. That one reads the row, writes to the store,
reads, and deletes what it wrote. Nothing piles up: there are two rows, and an object is deleted at once.
"""

import secrets
from datetime import datetime, timedelta

import structlog

from app.db.models.heartbeat import last_seen, record
from app.errors import AppError
from app.queueing.broker import RUN_CANARY, SHORT
from app.services import Services
from app.storage import ObjectNotFound
from app.storage_keys import checked
from app.telemetry import metrics

ASKED, SUCCEEDED = "canary_asked", "canary"  # names of heartbeats
FOLDER = "canary"
SIZE = 1024  # bytes
LEFT_BEHIND = timedelta(hours=1)  # an older object is of a canary whose worker died

log = structlog.get_logger()


class CanaryDied(AppError):
    """The store gave back something else than it was given, or kept what was deleted."""

    code = "canary_died"


def begin_canary(services: Services) -> None:
    """Write that one is due, commit, and enqueue it."""
    with services.db.write() as session:
        record(session, ASKED, services.now())
    services.broker.enqueue(RUN_CANARY, secrets.token_hex(12), SHORT)


def run_canary(services: Services, identifier: str) -> None:
    """Go the rest of the way, and record that it came to its end. Raises TransientError when a part is away."""
    with services.db.read() as session:
        begun_at = last_seen(session, ASKED)
    try:
        _use_store(services, f"{FOLDER}/{checked(identifier)}")
        now = services.now()
        with services.db.write() as session:
            record(session, SUCCEEDED, now)
    except AppError as error:
        metrics.canaries.add("failed")
        log.warning("canary_failed", code=error.code)
        return
    took = now - begun_at if begun_at else timedelta()
    metrics.canaries.add("succeeded")
    metrics.canary_times.observe(took.total_seconds())
    log.info("canary_succeeded", ms=round(took.total_seconds() * 1000))


def last_success(services: Services) -> datetime | None:
    """When one last came to its end. Raises TransientError."""
    with services.db.read() as session:
        return last_seen(session, SUCCEEDED)


def last_canary(services: Services) -> str:
    """For people: how long ago that was. Raises TransientError."""
    seen = last_success(services)
    if not services.config.canary_every:
        return "off"
    return f"{max((services.now() - seen).total_seconds(), 0):.0f} s ago" if seen else "not yet"


def _use_store(services: Services, key: str) -> None:
    content = secrets.token_bytes(SIZE)
    services.storage.put_bytes(key, content)
    if services.storage.get(key) != content:
        raise CanaryDied
    services.storage.delete(key)
    try:
        services.storage.stat(key)
    except ObjectNotFound:
        pass
    else:
        raise CanaryDied
    old = (services.now() - LEFT_BEHIND).timestamp()
    for stat in list(services.storage.list(FOLDER)):
        if stat.modified.timestamp() < old:
            services.storage.delete(stat.key)
