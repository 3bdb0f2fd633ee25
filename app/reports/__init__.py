"""From one occurrence to a document for people. One module per format; a new one is found by being in this folder."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Protocol

from app.reports.report import Report


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
