"""What a report is made of: one occurrence, its crash and its log."""

import datetime
from dataclasses import dataclass

from app.crashes.fingerprint import Fingerprint
from app.crashes.log import CrashLog
from app.crashes.missing import MissingSymbols


@dataclass(frozen=True)
class Report:
    """Everything that goes into a document; nothing else is asked for, so that equal reports give equal bytes."""

    occurrence_id: str
    log_id: str
    date: datetime.date  # UTC day of the occurrence
    crash_identifier: str
    crash_title: str
    app_identifier: str  # the crashq app that the log belongs to
    app_name: str
    log: CrashLog
    raw: bytes | None  # the log as it was uploaded, unpacked; None: it must not leave
    raw_filename: str  # the name it gets inside a zip
    generated_by: str  # "crashq <version>"
    fingerprint: Fingerprint
    missing_symbols: tuple[MissingSymbols, ...] = ()
