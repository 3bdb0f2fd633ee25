"""Rows as CSV (RFC 4180), safe to open in a spreadsheet: no cell is taken for a formula."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime

from app.exports import COLUMNS, Row, time_text

FORMAT = "csv"
MEDIA_TYPE = "text/csv; charset=utf-8"
EXTENSION = "csv"
TEXT = "csv"

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet program begins a formula with, some of them after white space that they drop."""


def write(pages: Iterable[list[Row]]) -> Iterator[bytes]:
    """The names of the columns, then a chunk for each page of rows. Unknown is an empty cell; lines end with CR LF."""
    yield _lines([COLUMNS])
    for page in pages:
        yield _lines(map(_cells, page))


def join(texts: Iterable[bytes]) -> Iterator[bytes]:
    """The names of the columns, then the texts as they are."""
    yield _lines([COLUMNS])
    yield from texts


def cell(value: str | None) -> str:
    """The text of a cell: with an apostrophe before what a spreadsheet would run."""
    if value is None:
        return ""
    return f"'{value}" if value.startswith(FORMULA_SIGNS) else value


def _cells(row: Row) -> list[str]:
    return [cell(time_text(value) if isinstance(value, datetime) else value) for value in row]


def _lines(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8", "replace")
