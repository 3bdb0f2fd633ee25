"""From many occurrences to a file of rows. One module per format; a new one is found by being in this folder."""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple, Protocol


class Row(NamedTuple):
    """The columns of every row format, in their order. None is unknown."""

    id: str  # of the occurrence, as on the wire
    date: str  # UTC day, yyyy-mm-dd
    log_id: str
    occurred_at: datetime  # UTC, aware
    crash_identifier: str
    app_version: str | None
    app_build: str | None
    os_name: str | None
    os_version: str | None
    device_model: str | None
    user_id: str | None


COLUMNS = Row._fields


def time_text(value: datetime) -> str:
    """`2018-09-13T08:02:53.000000Z`: always to the microsecond, so that text order is time order."""
    return value.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


class RowFormat(Protocol):
    """What a format's module offers."""

    FORMAT: str  # the value of `format` in the request: "ndjson", "csv", ...
    MEDIA_TYPE: str
    EXTENSION: str  # of the file name, without the dot
    TEXT: str  # what PostgreSQL makes of the rows: "csv" or "ndjson" (app/db/hot/batch_*.sql)

    def write(self, pages: Iterable[list[Row]]) -> Iterator[bytes]:
        """The file in chunks of any size, never whole in memory; the same rows give the same bytes."""

    def join(self, texts: Iterable[bytes]) -> Iterator[bytes]:
        """The same file, of the rows as TEXT, some whole rows to a text."""


def _discover() -> dict[str, RowFormat]:
    """The modules of this folder that have a FORMAT; the others are what these share."""
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    found: dict[str, RowFormat] = {module.FORMAT: module for module in modules if hasattr(module, "FORMAT")}
    return dict(sorted(found.items()))


ROW_FORMATS = _discover()
"""FORMAT -> its module."""
