"""The stored logs of a batch's occurrences, read one at a time."""

from collections.abc import Iterable
from typing import NamedTuple

from app.crashes.log import CrashLog
from app.db.models.log import LogObject, log_objects
from app.errors import MalformedLog
from app.jobs.job_type import Run
from app.parsers import parse
from app.storage import ObjectNotFound


class ParsedLog(NamedTuple):
    """A stored log and the crash reports in it."""

    row_id: int
    raw: bytes
    parsed: list[CrashLog]


class LogReader:
    """Reads logs. It keeps the latest: occurrences of one log mostly stand together."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._latest: ParsedLog | None = None
        self._stored: dict[int, LogObject] = {}

    def look_up(self, log_rows: Iterable[int]) -> None:
        """Find where the logs of a page lie, by one statement; those of other pages are forgotten."""
        with self._run.db.read() as session:
            self._stored = log_objects(session, log_rows)

    def read(self, log_row: int, number: int) -> tuple[bytes, CrashLog] | None:
        """The stored log, which was looked up, and its n-th report; None when it is lost, or is no longer what it was."""
        if self._latest is None or self._latest.row_id != log_row:
            self._latest = None  # never two in memory
            log = self._stored.get(log_row)
            try:
                raw = self._run.storage.get(log.storage_key, log.size) if log else b""
                self._latest = ParsedLog(log_row, raw, parse(raw))
            except (ObjectNotFound, MalformedLog):
                self._latest = ParsedLog(log_row, b"", [])
        _, raw, parsed = self._latest
        return (raw, parsed[number - 1]) if number <= len(parsed) else None
