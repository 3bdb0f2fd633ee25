"""What became of a log."""

from dataclasses import dataclass
from datetime import UTC

from app.db.app import App
from app.db.crash import occurrences_in
from app.db.log import Log, find_log
from app.errors import NotFound
from app.ingest.log_id import is_log_id, time_in
from app.services import Services


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
