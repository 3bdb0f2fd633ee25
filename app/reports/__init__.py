"""From one occurrence to a document for people. One module per format; a new one is found by being in this folder."""

import datetime
import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from app.crashes.fingerprint import Fingerprint
from app.crashes.log import CrashLog, MissingSymbols


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


class ReportFormat(Protocol):
    """What a format's module offers."""

    FORMAT: str  # the value of `format=` in the query: "json", "txt", ...
    MEDIA_TYPE: str
    EXTENSION: str  # of the file name, without the dot

    def write(self, report: Report) -> Iterator[bytes]:
        """The document in chunks of any size, never whole in memory; the same report gives the same bytes."""


def _discover() -> dict[str, ReportFormat]:
    """The modules of this folder that have a FORMAT; the others are what these share."""
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    found: dict[str, ReportFormat] = {module.FORMAT: module for module in modules if hasattr(module, "FORMAT")}
    return dict(sorted(found.items()))


REPORTS = _discover()
"""FORMAT -> its module."""
