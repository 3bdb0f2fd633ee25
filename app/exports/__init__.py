"""From many occurrences to a file of rows. One module per format; a new one is found by being in this folder."""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from typing import Protocol

from app.exports.row import Row


class RowFormat(Protocol):
    """What a format's module offers."""

    FORMAT: str  # the value of `format` in the request: "ndjson", "csv", ...
    MEDIA_TYPE: str
    EXTENSION: str  # of the file name, without the dot

    def write(self, pages: Iterable[list[Row]]) -> Iterator[bytes]:
        """The file in chunks of any size, never whole in memory; the same rows give the same bytes."""


def _discover() -> dict[str, RowFormat]:
    """The modules of this folder that have a FORMAT; the others are what these share."""
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    found: dict[str, RowFormat] = {module.FORMAT: module for module in modules if hasattr(module, "FORMAT")}
    return dict(sorted(found.items()))


ROW_FORMATS = _discover()
"""FORMAT -> its module."""
