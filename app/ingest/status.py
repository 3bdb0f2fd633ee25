"""What became of a log, and of the logs of an app."""

from dataclasses import dataclass
from datetime import UTC, datetime

from app.db.models.app import App
from app.db.models.crash import occurrences_in
from app.db.models.log import Log, LogStatus, find_log
from app.db.queries.lists import ListedLog, logs_of
from app.errors import BadParameters, NotFound
from app.ingest.log_id import is_log_id, time_in
from app.services import Services

STATUSES = tuple(status.value for status in LogStatus)


@dataclass(frozen=True)
class LogState:
    """A log with the occurrences found in it."""

    log: Log
    date: str  # UTC day of its id, else of its first occurrence, else of its arrival
    occurrences: list[tuple[str, str]]  # (occurrence id, crash identifier), in the log's order


def log_state(services: Services, app: App, log_id: str) -> LogState:
    """Raises NotFound when the app has no log of this name."""
    if is_log_id(log_id):
        with services.db.read() as session:
            log = find_log(session, app.id, log_id)
            if log:
                found = occurrences_in(session, log.id)
                when = time_in(log_id) or (found[0][0].occurred_at if found else log.received_at)
                day = when.astimezone(UTC).date().isoformat()
                return LogState(log, day, [(occurrence.name, identifier) for occurrence, identifier in found])
    raise NotFound("Log not found")


def log_page(
    services: Services,
    app: App,
    limit: int,
    *,
    status: str = "",
    prefix: str = "",
    after: tuple[datetime, str] | None = None,
) -> list[ListedLog]:
    """The logs of an app, newest first; with a prefix those whose names begin so, by name. Raises BadParameters."""
    if status and status not in STATUSES:
        raise BadParameters(f"status is not one of {', '.join(STATUSES)}")
    if prefix and not is_log_id(prefix):
        raise BadParameters("log_id: a log's name has A-Z a-z 0-9 . _ - and begins with a letter or digit")
    wanted = LogStatus(status) if status else None
    with services.db.read() as session:
        return logs_of(session, app.id, limit, status=wanted, prefix=prefix, after=after)
