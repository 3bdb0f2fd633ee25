"""Logs that wait for symbols: which rows tell so, and how they are kept few."""

from collections.abc import Iterable, Iterator

from app.db.hot.digest_steps import ClaimedLog
from app.db.models.awaited_symbols import AwaitingLog, trim
from app.ingest.grouping import Grouped
from app.services import Services

TRIM_EVERY = 4_096  # logs of all apps


def waiting(app_id: int, log_row: int, report: Grouped) -> Iterator[AwaitingLog]:
    """A row for each thing that a report waits for."""
    return (AwaitingLog(app_id, awaited, log_row) for awaited in report.awaited)


def trim_awaited(services: Services, logs: Iterable[ClaimedLog]) -> None:
    """Bound how many logs of an app wait for symbols. Every TRIM_EVERY-th log has its app trimmed."""
    for app_id in sorted({one.app_id for one in logs if one.id % TRIM_EVERY == 0}):
        with services.db.write() as session:
            trim(session, app_id)
