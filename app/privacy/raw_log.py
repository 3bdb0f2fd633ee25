"""The bytes of a log as they were sent, for members of an app that takes nothing out of its reports."""

from collections.abc import Iterator
from typing import NamedTuple

from app.db.models.app import App
from app.db.models.log import find_log
from app.errors import Conflict, Gone, NotFound
from app.ingest.log_id import is_log_id
from app.jobs.report_making import rules_of
from app.services import Services


class RawLog(NamedTuple):
    """A log to send."""

    size: int  # bytes
    sha256: str  # hex
    chunks: Iterator[bytes]


def raw_log(services: Services, app: App, log_id: str) -> RawLog:
    """Open a log. Raises NotFound, Gone when it is no longer kept, or Conflict where the app's rules keep it in."""
    with services.db.read() as session:
        found = find_log(session, app.id, log_id) if is_log_id(log_id) else None
        rules, _ = rules_of(session, app.id)
    if found is None:
        raise NotFound("Log not found")
    if rules.is_on and not rules.raw_log:
        raise Conflict("The app redacts its reports, so raw logs do not leave; redaction.raw_log lets them")
    if found.removed_at is not None:
        raise Gone("The bytes of this log are no longer kept")
    return RawLog(found.size, found.sha256, services.storage.stream(found.storage_key, size=found.size))
